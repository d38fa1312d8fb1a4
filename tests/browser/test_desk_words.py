"""What the desk's page shows of a price is what the gateway would say, and what it finds is what was asked for."""

from __future__ import annotations

from feeds.contract.prices import fraction_text
from tests.browser.chromium import Chromium
from tests.browser.pages import module_tab

MILLIS = (*range(1001, 6000, 7), *range(6000, 60_000, 251), *range(60_000, 1_001_000, 50_021), 2000, 1909, 2375)


async def test_fractions_are_the_gateways(browser: Chromium) -> None:
    tab = await module_tab(browser, "/desk/page/odds.js")
    shown = await tab.run(
        "async (millis) => { const { fraction } = await import('/desk/page/odds.js'); return millis.map(fraction); }",
        list(MILLIS),
    )
    assert shown == [fraction_text(milli) for milli in MILLIS]
    await tab.close()


async def test_prices_lines_and_ages(browser: Chromium) -> None:
    tab = await module_tab(browser, "/desk/page/odds.js")
    told = await tab.run(
        """async () => { const odds = await import("/desk/page/odds.js"); return [
        ...["american", "decimal", "fractional"].map((format) => odds.price({ a: -110, d: "1.909" }, format)),
        odds.price({ a: null, d: null }, "american"), odds.price({ a: 150, d: "2.500" }, "american"),
        odds.line("-3.5", "home"), odds.line("3.5", "away"), odds.line("47.5", "over"), odds.line(undefined),
        odds.age(240), odds.age(11_400), odds.age(600_000), odds.title({ type: "total_goals", period: "1h" })]; }"""
    )
    assert told == [
        *("\u2212110", "1.909", "10/11", "\u2013", "+150"),
        *("\u22123.5", "+3.5", "O 47.5", ""),
        *("0.2 s", "11 s", "10 min", "Total goals, 1h"),
    ]
    await tab.close()


async def test_search_begins_words(browser: Chromium) -> None:
    tab = await module_tab(browser, "/desk/page/board/search.js")
    found = await tab.run(
        """async () => { const { search } = await import("/desk/page/board/search.js");
        const events = [["football.nfl.E1", "Bills @ Chiefs", "live"], ["football.nfl.E2", "Jets @ Bills", "upcoming"],
          ["soccer.epl.E3", "Chelsea - Leeds", "upcoming"], ["football.nfl.E4", "Bills @ Colts", "ended"]]
          .map(([topic, name, state]) => ({ topic, name, state }));
        const found = (asked) => search(events, asked).hits.map(({ topic }) => topic);
        return ["bills", "chie", "ills", "epl", "bills jets"].map(found); }"""
    )
    assert found == [
        ["football.nfl.E1", "football.nfl.E2"],
        ["football.nfl.E1"],
        [],
        ["soccer.epl", "soccer.epl.E3"],
        ["football.nfl.E2"],
    ]
    await tab.close()


async def test_a_past_price_is_as_it_was_said(browser: Chromium) -> None:
    tab = await module_tab(browser, "/desk/page/line/past.js")
    told = await tab.run(
        """async () => { const { Movement } = await import("/desk/page/line/past.js");
        const movement = new Movement(["O1", "O2"]);
        movement.add({ st: "open", src: "alpha-0", x: [{ id: "O2", a: -750, d: "1.133" }] }, 1000);
        const [{ prices, american }] = movement.points; return [prices, american]; }"""
    )
    assert told == [[None, 1.133], [None, -750]]
    await tab.close()


async def test_a_line_has_closed_when_its_game_began(browser: Chromium) -> None:
    tab = await module_tab(browser, "/desk/page/line/ends.js")
    told = await tab.run(
        """async () => { const { hasClosed } = await import("/desk/page/line/ends.js");
        const [before, after] = [{ market: { live: false } }, { market: { live: true } }];
        const market = (parts) => ({ id: "M1", live: false, st: "open", ...parts });
        return [[market({}), "M1", before], [market({ live: true }), "M1", before],
          [market({ live: true }), "M1", after], [market({ st: "closed" }), "M1", before], [market({}), "M0", before],
          [market({ live: true }), "M1", null]]
          .map((given) => hasClosed(...given)); }"""
    )
    assert told == [False, True, False, True, True, False]
    await tab.close()
