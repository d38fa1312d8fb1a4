"""What the archive answers: past prices, bars, boards as they stood, lines, and whether a price was live."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fanout.contract.cursor import encode_cursor
from feeds.contract.model import Market, Selection
from feeds.contract.prices import Price, price_from_milli
from gateway.history.answers import NotInHistory
from gateway.history.reads import HistoryReads
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import event, market
from tests.gateway.history.made import LANE, MadeArchive, at, beat


@pytest.fixture
async def made(settings: DatabaseSettings, database: Database) -> MadeArchive:
    await migrate(settings)
    return MadeArchive(database)


@pytest.fixture
def reads(database: Database) -> HistoryReads:
    return HistoryReads(database)


def priced(milli: int | None, market_id: str = "M1", **changes: Any) -> Market:
    price = None if milli is None else price_from_milli(milli)
    selections = (Selection("O1", "A", price=price), Selection("O2", "B", price=Price(1_909, -110)))
    return msgspec.structs.replace(
        market(market_id, "E1", lanes=1, ts=milli or 0), selections=selections, src="alpha-0", **changes
    )


def cursor(s: int, epoch: str = "e1") -> str:
    return encode_cursor(epoch, [(LANE, s)])


async def test_every_state_comes_back_as_it_was_and_what_stood_at_the_beginning_first(
    made: MadeArchive, reads: HistoryReads
) -> None:
    exchange = msgspec.structs.replace(
        priced(3_000), selections=(Selection("O1", "A", price=Price(3_000, 201), lay=3_050, size=7, ltp=2_980),)
    )
    states = [priced(2_000), priced(2_100, st="suspended", reason="var"), priced(None), exchange, priced(2_000)]
    await made.write((second, state) for second, state in enumerate(states))
    found = await reads.states("M1", from_us=at(1.5), to_us=at(4))
    assert [state.market for state in found] == states[1:4]
    assert [state.at_us for state in found] == [at(1), at(2), at(3)]
    assert [state.s for state in await reads.states("M1", from_us=0, to_us=at(9))] == [1, 2, 3, 4, 5]
    assert await reads.states("M9", from_us=0, to_us=at(9)) == []
    pages = [await reads.states("M1", from_us=at(0), to_us=at(9), most=2)]
    while last := pages[-1]:
        pages.append(await reads.states("M1", from_us=last[-1].at_us, from_s=last[-1].s + 1, to_us=at(9), most=2))
    assert [[state.s for state in page] for page in pages] == [[1, 2], [3, 4], [5], []]
    prices = await reads.prices("M1", "O1", from_us=0, to_us=at(9))
    assert [(price.milli, price.on_offer) for price in prices] == [
        *((2_000, True), (2_100, False), (None, True), (3_000, True), (2_000, True))
    ]
    assert prices[1].at_us == at(1)


async def test_bars_are_of_what_was_on_offer(made: MadeArchive, reads: HistoryReads) -> None:
    await made.write(
        [
            (0, priced(2_000)),
            (10, priced(2_500)),
            (20, priced(1_500)),
            (30, priced(9_000, st="suspended")),
            (35, priced(None)),
            (39, priced(2_200)),
            (61, priced(2_300)),
        ]
    )
    bars = [bar for bar in await reads.bars("M1", "1m", from_us=0, to_us=at(3_600)) if bar.selection == "O1"]
    assert [(bar.open, bar.high, bar.low, bar.close, bar.changes) for bar in bars] == [
        (2_000, 2_500, 1_500, 2_200, 4),
        (2_300, 2_300, 2_300, 2_300, 1),
    ]
    [hour] = [bar for bar in await reads.bars("M1", "1h", from_us=0, to_us=at(3_600)) if bar.selection == "O1"]
    assert (hour.open, hour.high, hour.low, hour.close, hour.changes) == (2_000, 2_500, 1_500, 2_300, 5)


async def test_a_board_as_it_stood_at_a_moment_and_at_a_cursor(made: MadeArchive, reads: HistoryReads) -> None:
    await made.write(
        [
            (0, event("E1")),
            (0, priced(2_000)),
            (0, priced(3_000, "M2")),
            beat(0.5),
            (1, priced(2_100)),
            (1, priced(3_100, "M2", st="closed", gone=True)),
            (1, event("E1", clock="Q2")),
            beat(1.5),
        ]
    )
    before, after = await reads.board_at("E1", at(0.9)), await reads.board_at("E1", at(1.2))
    assert [state.market for state in before.states] == [priced(2_000), priced(3_000, "M2")]
    assert [state.market for state in after.states] == [priced(2_100)]
    assert (before.event, after.event) == (event("E1"), event("E1", clock="Q2"))
    by_cursor = [await reads.board_at_cursor("E1", cursor(s)) for s in (3, 5, 6)]
    assert [[state.s for state in board.states] for board in by_cursor] == [[2, 3], [5, 3], [5]]
    assert (await reads.board_at("E1", at(-5))).states == []


async def test_opening_closing_and_the_movement_of_a_line(made: MadeArchive, reads: HistoryReads) -> None:
    await made.write(
        [
            (0, priced(2_000, st="inactive")),
            (1, priced(2_010)),
            (2, priced(2_020)),
            (3, priced(2_020, st="closed", gone=True, replaced_by="M2", live=False)),
            (3, priced(1_900, "M2", replaces="M1")),
            (4, priced(1_950, "M2", replaces="M1")),
            (5, priced(1_960, "M2", replaces="M1", live=True)),
            (6, priced(1_970, "M2", replaces="M1", live=True, st="suspended")),
        ]
    )
    ends = await reads.line_ends("M2")
    assert ends.opening is not None
    assert ends.closing is not None
    assert (ends.opening.market.ts, ends.closing.market.ts, ends.whole) == (1_900, 1_950, True)
    chain = [await reads.movement(market_id) for market_id in ("M1", "M2")]
    assert [[one.market_id for one in line] for line in chain] == [["M1", "M2"], ["M1", "M2"]]
    first = chain[0][0]
    assert first.opening is not None
    assert first.closing is not None
    assert (first.opening.market.ts, first.closing.market.ts) == (2_010, 2_020)
    assert (await reads.line_ends("M9")).opening is None


async def test_whether_a_price_was_live_at_a_cursor(made: MadeArchive, reads: HistoryReads) -> None:
    live: dict[str, Any] = {"live": True}
    await made.write(
        [
            (0, priced(2_000, **live)),  # 1
            beat(0.2),
            beat(1.0),
            (1.1, priced(2_100, **live)),  # 4
            (1.2, priced(2_100, st="suspended", **live)),
            beat(1.3),
            (5.0, priced(2_200, **live)),  # 7: nothing was heard of the source for 3.7 s
            beat(5.2),
            (5.3, priced(2_300, **live)),  # 9
            beat(5.4, "recovering"),
            beat(5.5, late_s=4),
            beat(5.6),
            (5.7, priced(2_300, st="closed", gone=True, **live)),
        ]
    )

    async def told(milli: int, s: int, *, selection: str = "O1", market_id: str = "M1") -> str | None:
        proof = await reads.was_live(market_id, selection, milli, cursor(s))
        assert proof.live is (proof.doubt is None)
        return proof.doubt

    assert [await told(2_000, s) for s in (2, 3)] == [None, None]
    assert await told(2_000, 4) == "price_differs"
    assert await told(2_100, 4) is None
    assert await told(2_100, 5) == "not_open"
    assert await told(2_200, 7) == "source_stale"
    assert await told(2_300, 9) is None
    assert [await told(2_300, s) for s in (10, 11, 12)] == ["source_stale", "source_stale", None]
    assert await told(2_300, 13) == "gone"
    assert await told(2_100, 4, selection="O9") == "no_such_selection"
    assert await told(2_100, 4, market_id="M9") == "no_such_market"
    assert await told(2_300, 14) == "not_archived_yet"
    assert (await reads.was_live("M1", "O1", 2_000, cursor(2, "e9"))).doubt == "unknown_epoch"
    assert (await reads.was_live("M1", "O1", 2_000, "nonsense")).doubt == "bad_cursor"


async def test_across_a_hole_nobody_knows(made: MadeArchive, reads: HistoryReads, database: Database) -> None:
    await made.write([(0, priced(2_000)), beat(0.1), beat(0.2), beat(0.3)])
    sql = "INSERT INTO history.hole (log, first_s, last_s, after_ts_log, why) VALUES ($1, 3, 3, now(), 'x')"
    await database.execute(sql, made.log)
    assert (await reads.was_live("M1", "O1", 2_000, cursor(2))).live
    assert (await reads.was_live("M1", "O1", 2_000, cursor(4))).doubt == "hole"


async def test_a_source_that_was_never_heard_of_is_down(made: MadeArchive, reads: HistoryReads) -> None:
    await made.write([(0, priced(2_000)), (1, priced(2_100))])
    assert (await reads.was_live("M1", "O1", 2_000, cursor(1))).doubt == "source_down"
    assert (await reads.board_at("E1", at(2))).sources == {"alpha-0": "down"}


async def test_the_next_log_answers_for_its_own_cursors(
    made: MadeArchive, reads: HistoryReads, database: Database
) -> None:
    await made.write([(0, priced(2_000)), (1, priced(2_100)), (2, priced(2_200))])
    second = MadeArchive(database, created="c2", epoch="e2")
    await second.write([(3, priced(2_300)), (4, priced(2_400))])
    old, new = (await reads.board_at_cursor("E1", cursor(2)), await reads.board_at_cursor("E1", cursor(1, "e2")))
    assert [[state.market.ts for state in board.states] for board in (old, new)] == [[2_100], [2_300]]


async def test_what_is_not_in_history_is_told_with_a_code(made: MadeArchive, reads: HistoryReads) -> None:
    await made.write([(0, priced(2_000))])
    with pytest.raises(NotInHistory) as refusal:
        await reads.board_at_cursor("E1", encode_cursor("e1", [(3, 1)]))
    assert refusal.value.code == "bad_cursor"
