# Everything happens in .venv, made here. `make check` is what CI runs, in the same order.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
ARGS ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION := $(shell git rev-parse HEAD 2>/dev/null)

.NOTPARALLEL:
.PHONY: install up check format lint types imports test proof oracle supply rehearsal tools chart image vendor clean

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

# helm and kubectl, for the tests of the chart, which else say that they are skipped.
tools: install
	.ci/chart-tools

# What follows from the chart's values, the settings and helm/dashboards.py; a test says where it is old.
chart: install
	$(BIN)/python helm/generate.py

# Needs an engine with BuildKit. One image for every process; what is in it is told by its SBOM.
image:
	docker buildx build --file helm/image/Dockerfile --target oddswire --sbom=true --provenance=mode=max \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --tag oddswire/oddswire:$(VERSION) $(ARGS) .
# The libraries of the desk page, by name and version from npm (.ci/vendored.py); nothing is installed while one differs.
vendor:
	$(BIN)/python .ci/vendored.py

# A test of the tests: faults planted in a copy of the product, one at a time; each must be caught.
oracle: install
	@exec $(BIN)/python -m tests.oracle $(ARGS)

# What we ship: licences, an SBOM, known vulnerabilities, secrets in files.
supply: install
	@exec $(BIN)/python -m tests.supply

# A cluster on this machine, as root in network namespaces, and what a runbook is for; the page is build/rehearsal.md.
rehearsal: install
	@exec $(BIN)/oddswire bench rehearsal --report build/rehearsal.md --json build/rehearsal.json $(ARGS)

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
