"""Commands over a log in memory: stale clicks, refreshes, lanes that are away, lost answers, and the trail of it."""

from __future__ import annotations

import pytest

from feeds.contract.desk import Change, Overlay
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.prices import price_from_american
from feeds.contract.records import decode_change, decode_overlay
from feeds.contract.subjects import desk_subject, lane_of
from gateway.desk import writing
from gateway.desk.commands import Edit, Resume, SetMargin, SetPrice, Suspend, parse_aim
from gateway.desk.reading import overlays, trail
from gateway.desk.writing import Desk, Unanswered
from tests.bus import event, market
from tests.feeds.desk_states import command
from tests.gateway.desk_log import LANES, MemoryDeskLog

LANE = lane_of("E1", LANES)
EVENT, LEAGUE = "football.nfl.E1", "football.nfl"
PRICE = price_from_american(-110)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "RETRY_S", 0.0)


@pytest.fixture
def log() -> MemoryDeskLog:
    return MemoryDeskLog([event("E1"), market("M1", "E1"), market("M2", "E1", gone=True), event("E2", state="ended")])


def desk(log: MemoryDeskLog) -> Desk:
    return Desk(log, lanes=LANES, now_ms=lambda: 5)


def laid(log: MemoryDeskLog, scope: str, lane: int) -> Overlay | None:
    stored = log.lanes[lane].get(desk_subject(lane, scope))
    return None if stored is None else decode_overlay(stored.subject, stored.data)


def versions(log: MemoryDeskLog, scope: str = LEAGUE) -> list[int]:
    found = [laid(log, scope, lane) for lane in range(LANES)]
    return [0 if overlay is None else overlay.version for overlay in found]


def on_trail(log: MemoryDeskLog) -> list[Change]:
    return [decode_change(record.subject, record.data) for _, record in log.trail]


async def test_an_event_is_written_in_its_lane_and_a_league_in_every_one(log: MemoryDeskLog) -> None:
    done = await desk(log).carry_out(command(EVENT, Suspend()))
    assert (done.whole, done.lanes) == (True, [LANE])
    assert sum(laid(log, EVENT, lane) is not None for lane in range(LANES)) == 1
    done = await desk(log).carry_out(command(LEAGUE, Suspend(), number=2))
    assert (done.whole, sorted(done.lanes), versions(log)) == (True, [0, 1, 2], [1, 1, 1])
    assert [change.id for change in on_trail(log)] == ["command-1", "command-2"]


async def test_a_stale_click_is_refused_and_writes_nothing(log: MemoryDeskLog) -> None:
    await desk(log).carry_out(command(EVENT, Suspend(), version=0))
    ends = list(log.ends)
    with pytest.raises(Refused) as refusal:
        await desk(log).carry_out(command(EVENT, SetMargin(5), number=2, version=0))
    assert refusal.value.code == "stale_version"
    assert log.ends == ends


async def test_a_click_that_becomes_stale_on_its_way_is_refused_by_the_log(log: MemoryDeskLog) -> None:
    other = Desk(log, lanes=LANES, now_ms=lambda: 5)
    raced: list[str] = []

    def race(lane: int, subject: str) -> None:
        if not raced:
            raced.append(subject)
            first = laid(log, EVENT, LANE)
            assert first is not None
            log.store(lane, subject, log.lanes[lane][subject].data.replace(b'"version":1', b'"version":2'))

    await other.carry_out(command(EVENT, Suspend()))
    log.before_write = race
    with pytest.raises(Refused) as refusal:
        await desk(log).carry_out(command(EVENT, SetMargin(5), number=2, version=1))
    assert refusal.value.code == "stale_version"


async def test_a_refresh_refuses_no_click(log: MemoryDeskLog) -> None:
    await desk(log).carry_out(command(LEAGUE, Suspend()))
    refreshed: set[int] = set()

    def refresh(lane: int, subject: str) -> None:
        if lane not in refreshed:
            refreshed.add(lane)
            log.refresh(lane, subject)

    log.before_write = refresh
    done = await desk(log).carry_out(command(LEAGUE, SetMargin(5), number=2, version=1))
    assert (done.whole, versions(log), refreshed) == (True, [2, 2, 2], {0, 1, 2})


async def test_a_lane_that_is_away_is_told_and_the_same_command_goes_on_there(log: MemoryDeskLog) -> None:
    await desk(log).carry_out(command(LEAGUE, SetMargin(5)))

    def leave(lane: int, _subject: str) -> None:
        log.away.add(2)

    log.before_write = leave
    wanted = command(LEAGUE, Suspend(), number=2)
    done = await desk(log).carry_out(wanted)
    assert (list(done.failed), sorted(done.lanes), versions(log)) == ([2], [0, 1], [2, 2, 1])
    log.away.clear()
    log.before_write = lambda _lane, _subject: None
    shown = await overlays(log, None, lanes=LANES)
    assert [(each.overlay.version, each.lanes, each.missing) for each in shown] == [(2, (0, 1), (2,))]
    ends = list(log.ends)
    done = await desk(log).carry_out(wanted)
    assert (done.whole, versions(log), log.ends[:2]) == (True, [2, 2, 2], ends[:2])
    assert laid(log, LEAGUE, 2) == laid(log, LEAGUE, 0)
    assert [change.id for change in on_trail(log)] == ["command-1", "command-2"]


async def test_a_later_command_makes_the_lanes_alike_again(log: MemoryDeskLog) -> None:
    await desk(log).carry_out(command(LEAGUE, SetMargin(5)))
    log.before_write = lambda _lane, _subject: log.away.add(1)
    await desk(log).carry_out(command(LEAGUE, Suspend(), number=2))
    log.before_write = lambda _lane, _subject: None
    log.away.clear()
    await desk(log).carry_out(command(LEAGUE, SetMargin(9), number=3))
    assert versions(log) == [3, 3, 3]
    made = laid(log, LEAGUE, 1)
    assert made is not None
    assert made.entries.suspensions


async def test_without_the_first_lane_nothing_is_written(log: MemoryDeskLog) -> None:
    log.away.add(0)
    with pytest.raises(LogUnavailable):
        await desk(log).carry_out(command(LEAGUE, Suspend()))
    assert (versions(log), log.trail) == ([0, 0, 0], [])


async def test_a_lost_answer_is_found_out_and_nothing_is_written_twice(log: MemoryDeskLog) -> None:
    log.silent.add(LANE)
    before = log.ends[LANE]
    done = await desk(log).carry_out(command(EVENT, Suspend(), version=0))
    assert (done.whole, log.ends[LANE]) == (True, before + 1)


async def test_a_lost_answer_is_found_out_under_another_traders_change(log: MemoryDeskLog) -> None:
    """Ours was stored, theirs came on top before we looked: ours is not laid again over theirs."""
    log.silent.add(LANE)
    log.while_silent = lambda: desk(log).carry_out(command(EVENT, Resume(), number=2))
    done = await desk(log).carry_out(command(EVENT, Suspend()))
    made = laid(log, EVENT, LANE)
    assert made is not None
    assert (done.whole, made.version, made.over) == (True, 2, True)
    assert [change.id for change in on_trail(log)] == ["command-1", "command-2"]


async def test_what_is_never_answered_is_told_as_such(log: MemoryDeskLog) -> None:
    log.before_write = lambda lane, _subject: log.away.add(lane)
    with pytest.raises(Unanswered):
        await desk(log).carry_out(command(EVENT, Suspend()))


async def test_the_trail_holds_nobody_up_and_gets_everything_in_order(log: MemoryDeskLog) -> None:
    log.trail_away = True
    edits: list[Edit] = [Suspend(), SetMargin(5), Resume()]
    for number, edit in enumerate(edits, start=1):
        done = await desk(log).carry_out(command(EVENT, edit, number=number))
        assert done.unrecorded
    log.trail_away = False
    done = await desk(log).carry_out(command(EVENT, SetMargin(6), number=4))
    assert done.whole
    assert [change.version for change in on_trail(log)] == [1, 2, 3, 4]
    await desk(log).carry_out(command(EVENT, SetMargin(7), number=5))
    made = laid(log, EVENT, LANE)
    assert made is not None
    assert made.earlier == ()
    told = await trail(log, parse_aim("football"), limit=10)
    assert [(change.action, change.by, change.why, change.at) for change in told[:1]] == [
        ("suspend", "jo", "because", 5)
    ]
    assert len(told) == 5


@pytest.mark.parametrize(
    ("aim", "edit", "code"),
    [
        ("football.nfl.E9", Suspend(), "unknown_event"),
        ("football.nba.E1", Suspend(), "unknown_event"),
        ("football.nfl.E2", SetMargin(5), "event_ended"),
        (f"{EVENT}.M9", Suspend(), "unknown_market"),
        (f"{EVENT}.M2", Suspend(), "market_gone"),
        (f"{EVENT}.M1", SetPrice("O9", PRICE, 5), "unknown_selection"),
        (f"{EVENT}.M1", Resume(), "nothing_to_end"),
    ],
)
async def test_what_is_not_there_is_refused(log: MemoryDeskLog, aim: str, edit: Edit, code: str) -> None:
    ends = list(log.ends)
    with pytest.raises(Refused) as refusal:
        await desk(log).carry_out(command(aim, edit))
    assert (refusal.value.code, log.ends, log.trail) == (code, ends, [])


async def test_an_overlay_is_shown_with_those_above_and_below(log: MemoryDeskLog) -> None:
    for number, aim in enumerate(("football", LEAGUE, f"{EVENT}.M1", "soccer"), start=1):
        await desk(log).carry_out(command(aim, Suspend(), number=number))
    found = await overlays(log, parse_aim(LEAGUE), lanes=LANES)
    assert [each.overlay.scope for each in found] == ["football", LEAGUE, EVENT]
    assert not any(each.missing for each in found)
    await desk(log).carry_out(command("football", Resume(), number=9))
    found = await overlays(log, None, lanes=LANES)
    assert [each.overlay.scope for each in found] == [LEAGUE, EVENT, "soccer"]
