"""The Autobahn test cases, as `kosoku` runs them, against the shard's own transport with an echo behind it (echo.py).

Not here: group 9 (limits and performance: `bench` has ours) and 12, 13 (compression, which the shard declines).
"""

from __future__ import annotations

import pytest
from kosoku import FailureError, run_fuzzingclient

from tests.conformance.echo import echo_shard
from tests.fanout.serving import url_of

GROUPS = [*(f"{group}.*" for group in range(1, 8)), "10.*"]
CASES = 247

FAILED = {
    "7.1.5": "a close between two fragments: `websockets`' parser answers 1002 for the message that was cut short, "
    "where Autobahn wants the 1000 back; a close either way",
}
"""What `websockets` itself fails, and why that may be."""

NON_STRICT = {
    **dict.fromkeys(
        ("6.4.1", "6.4.2", "6.4.3", "6.4.4"),
        "text that is not UTF-8 is refused at the end of its message, which has `message_bytes` at most, "
        "not at its first wrong byte",
    ),
}
"""Conforms, though something else is recommended, and why that may be."""


@pytest.mark.timeout(60)
async def test_the_autobahn_cases_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    async with echo_shard(monkeypatch) as server:
        try:
            results = await run_fuzzingclient(url_of(server), cases=GROUPS, concurrency=8)
        except FailureError as failure:
            results = failure.results
    assert len(results) == CASES
    failed = {result.case_id: f"{result.result} {result.result_close}" for result in results if not result.passed}
    assert failed.keys() == FAILED.keys(), failed
    assert {result.case_id for result in results if result.behavior.value == "NON-STRICT"} == NON_STRICT.keys()
