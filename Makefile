# Everything happens in .venv, made here. `make check` is what CI runs, in the same order.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
ARGS ?=

.NOTPARALLEL:
.PHONY: install up check format lint types imports test proof oracle clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml .ci/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[aerospike,bench,dev,otel,parquet]' -c .ci/constraints.txt
	@touch $@

# make up ARGS="--shards 3"
up: install
	@exec $(BIN)/oddswire up $(ARGS)

check: format lint types imports test

format: install
	$(BIN)/ruff format --check .

lint: install
	$(BIN)/ruff check .
	$(BIN)/squawk gateway/store/migrations/*.sql

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

# Most of what it does is wait for real processes: four workers on two cores.
test: install
	@exec $(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

# Longer than CI allows: thousands of seeds, minutes of load.
proof: install
	@exec $(BIN)/python -m pytest -m proof $(ARGS)

# A test of the tests: faults planted in a copy of the product, one at a time; each must be caught.
oracle: install
	@exec $(BIN)/python -m tests.oracle $(ARGS)

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
