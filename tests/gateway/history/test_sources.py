"""Beats as intervals: what a source was is the same as for who heard every beat."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.freshness import DOWN_AFTER_MS, STALE_AFTER_MS, Source, SourceState
from feeds.contract.model import FeedState
from feeds.contract.records import Beat
from gateway.history.sources import Heard, Sources

BEGAN_MS = 1_700_000_000_000

beats = st.lists(
    st.tuples(
        st.sampled_from([1, 250, 2_999, 3_000, 3_001, 19_000, 20_001, 40_000]),
        st.sampled_from(["live", "live", "live", "recovering", "down"]),
        st.sampled_from([0, 0, 0, 5, 2_900, 3_500, 21_000]),
    ),
    min_size=1,
    max_size=12,
)


def intervals(heard: list[tuple[int, int, FeedState, int]]) -> list[Heard]:
    sources = Sources()
    for s, at_ms, state, late_ms in heard:
        sources.beat("a-0", Beat("a", state, at_ms - late_ms), s=s, at_us=at_ms * 1000)
    return sources.changed()


def told(written: list[Heard], at_ms: int) -> SourceState:
    return _begun(written, at_ms).state_at(at_ms * 1000)


def _begun(written: list[Heard], at_ms: int) -> Heard:
    return [one for one in written if one.from_us <= at_ms * 1000][-1]


@given(beats, st.integers(0, 30_000))
def test_an_interval_says_what_every_beat_would_have(made: list[tuple[int, FeedState, int]], after_ms: int) -> None:
    heard: list[tuple[int, int, FeedState, int]] = []
    at_ms = BEGAN_MS
    for s, (step_ms, state, late_ms) in enumerate(made, start=1):
        at_ms += step_ms
        heard.append((s, at_ms, state, late_ms))
    written = intervals(heard)
    moments = [at for _, at, _, _ in heard] + [at - 1 for _, at, _, _ in heard[1:]] + [heard[-1][1] + after_ms]
    for moment_ms in moments:
        _, arrived_ms, state, late_ms = [one for one in heard if one[1] <= moment_ms][-1]
        expected = Source(state, arrived_ms - late_ms, arrived_ms).state(moment_ms)
        found = told(written, moment_ms)
        assert found == expected or (_begun(written, moment_ms).state, found, expected) == ("late", "stale", "down")


def test_a_day_of_beats_is_one_interval() -> None:
    written = intervals([(n, BEGAN_MS + 250 * n, "live", 1) for n in range(1, 20_000)])
    assert len(written) == 1
    assert (written[0].from_s, written[0].until_s) == (1, 19_999)


def test_silence_and_another_word_begin_another_interval() -> None:
    later = BEGAN_MS + STALE_AFTER_MS + 1
    written = intervals(
        [(1, BEGAN_MS, "live", 0), (2, later, "live", 0), (3, later + 1, "recovering", 0), (4, later + 2, "live", 0)]
    )
    assert [(one.from_s, one.until_s, one.state) for one in written] == [
        *((1, 1, "live"), (2, 2, "live"), (3, 3, "recovering"), (4, 4, "live"))
    ]
    assert told(written, BEGAN_MS + STALE_AFTER_MS) == "live"
    assert told(written, later - 1 + 1) == "live"


def test_after_its_end_a_source_turns_stale_and_then_down() -> None:
    written = intervals([(1, BEGAN_MS, "live", 0)])
    for after_ms, state in ((0, "live"), (STALE_AFTER_MS, "live"), (STALE_AFTER_MS + 1, "stale")):
        assert told(written, BEGAN_MS + after_ms) == state
    assert told(written, BEGAN_MS + DOWN_AFTER_MS + 1) == "down"
