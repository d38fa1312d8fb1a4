"""The retry budget and the waits: whatever happens, at most a tenth, and never before Retry-After."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.api.schemas import ProblemDetails
from gateway.client import ApiLimits, Limited, NotFound, RetryBudget, Unavailable, Unreachable
from gateway.client.errors import ApiError, problem_error
from gateway.client.kept import Kept, KeptAnswers
from gateway.client.retrying import RETRIES_PERCENT, SAVED_RETRIES, may_pass, wait_s

LIMITS = ApiLimits()


def problem(status: int, code: str = "some_code", retry_after_s: float | None = None) -> ApiError:
    return problem_error(ProblemDetails("about:blank", "t", status, code, "r-1"), retry_after_s)


@given(st.lists(st.booleans(), max_size=2_000))
def test_retries_are_never_more_than_a_tenth_of_the_calls(wishes: list[bool]) -> None:
    budget, calls, retries = RetryBudget(), 0, 0
    for is_retry in wishes:
        if is_retry:
            retries += budget.take()
        else:
            budget.called()
            calls += 1
        assert retries * 100 <= calls * RETRIES_PERCENT


@given(st.integers(0, 5_000))
def test_what_is_saved_up_is_bounded(calls: int) -> None:
    budget = RetryBudget()
    for _ in range(calls):
        budget.called()
    retries = 0
    while budget.take():
        retries += 1
    assert retries == min(calls * RETRIES_PERCENT // 100, SAVED_RETRIES)


@given(st.integers(1, 50), st.integers(0, 60) | st.none(), st.integers(0, 2**32))
def test_a_wait_is_at_least_retry_after_and_at_most_the_ceiling_on_top(
    failures: int, retry_after_s: int | None, seed: int
) -> None:
    wait = wait_s(problem(503, "not_ready", retry_after_s), failures, LIMITS, Random(seed).uniform)
    asked_s = retry_after_s or 0
    if failures >= LIMITS.attempts or asked_s > LIMITS.retry_after_max_s:
        assert wait is None
    else:
        assert wait is not None
        ceiling_s = min(LIMITS.backoff_s * 2 ** (failures - 1), LIMITS.backoff_max_s)
        assert asked_s <= wait <= asked_s + ceiling_s


def test_full_jitter_begins_at_nothing() -> None:
    assert wait_s(Unreachable("no"), 3, LIMITS, lambda least, _: least) == 0
    assert wait_s(Unreachable("no"), 3, LIMITS, lambda _, most: most) == LIMITS.backoff_s * 4


def test_what_may_pass() -> None:
    passing = [Unreachable("no"), problem(429), problem(502), problem(503), problem(504), problem(409, "key_running")]
    assert all(may_pass(error) for error in passing)
    assert not any(may_pass(problem(status)) for status in (400, 401, 403, 404, 409, 410, 422, 500))


def test_problems_are_typed_by_their_code_and_status() -> None:
    assert type(problem(404, "not_found")) is NotFound
    assert type(problem(429, "quota")) is Limited
    assert type(problem(503, "overloaded")) is Unavailable
    assert type(problem(500, "internal")) is Unavailable


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60)), max_size=60))
def test_kept_answers_are_bounded_and_the_newest_are_kept(puts: list[tuple[str, int]]) -> None:
    kept = KeptAnswers(100)
    for target, size in puts:
        kept.put(target, Kept("e", "c", b"x" * size))
        assert kept.bytes <= 100
        assert kept.get(target) == Kept("e", "c", b"x" * size)
    assert kept.bytes == sum(len(found.body) for target in "abcdef" if (found := kept.get(target)) is not None)
