"""Own results graded, sport by sport: every rule against an example of house rules that were read (named in its data
file). Dead heats, futures and what is refused: test_grading_rules.py."""

from __future__ import annotations

import pytest

from feeds.contract.model import Market, Subject
from gateway.settlement.grading.entered import Entered
from tests.gateway.settlement.graded import (
    NFL,
    final,
    market,
    parts,
    played,
    prop,
    soccer,
    words,
)


def broken(played: str | None, unfinished: str | None = None, **scores: tuple[int, int]) -> Entered:
    return Entered("abandoned", parts(**scores), unfinished, played)


Expected = dict[str, str]


@pytest.mark.parametrize(
    ("about", "entered", "expected"),
    [
        pytest.param(
            market("moneyline", "home", "away"),
            final(**NFL, ot=(3, 0)),
            {"home": "won", "away": "lost"},
            id="overtime-counts",
        ),
        pytest.param(
            market("match_result", "home", "draw", "away", period="regulation"),
            final(**NFL, ot=(3, 0)),
            {"home": "lost", "draw": "won", "away": "lost"},
            id="regulation-does-not",
        ),
        pytest.param(
            market("moneyline", "home", "away"),
            final(**NFL, ot=(0, 0)),
            {"home": "void", "away": "void"},
            id="level-after-overtime-is-void",  # Epicbet
        ),
        pytest.param(
            market("spread", "home", "away", line="-3"),
            final(**NFL, ot=(3, 0)),
            {"home": "void", "away": "void"},
            id="line-met-is-a-push",
        ),
        pytest.param(
            market("spread", "home", "away", cls="alternate", line="-2.5"),
            final(**NFL, ot=(3, 0)),
            {"home": "won", "away": "lost"},
            id="alternate",
        ),
        pytest.param(
            market("total", "over", "under", line="16.5", period="1h"),
            final(**NFL),
            {"over": "won", "under": "lost"},
            id="first-half",
        ),
        pytest.param(
            market("team_total", "over", "under", cls="prop", line="20.5", subject=Subject("team", "T1", "Away")),
            final(**NFL, ot=(0, 3)),
            {"over": "won", "under": "lost"},
            id="team-total",
        ),
        pytest.param(
            market("moneyline", "home", "away"),
            broken("54.9", "q4", **NFL),
            {"home": "void", "away": "void"},
            id="54-minutes-are-too-few",  # DraftKings football 2, BetMGM: 55 minutes
        ),
        pytest.param(
            market("spread", "home", "away", line="0.5"),
            broken("55", "q4", **NFL),
            {"home": "won", "away": "lost"},
            id="55-minutes-count",
        ),
        pytest.param(
            market("total", "over", "under", line="39.5"),
            broken("50", "q4", **NFL),
            {"over": "won", "under": "lost"},
            id="decided-beyond-change",  # DraftKings football 2
        ),
        pytest.param(
            market("total", "over", "under", line="40"),
            broken("50", "q4", **NFL),
            {"over": "void", "under": "void"},
            id="not-decided",
        ),
        pytest.param(
            market("total", "over", "under", line="17", period="1h"),
            broken("50", "q4", **NFL),
            {"over": "void", "under": "void"},
            id="a-half-that-was-played-pushes",
        ),
        pytest.param(
            prop("passing_yards", "over", "under", line="250.5"),
            played(passing_yards=251),
            {"over": "won", "under": "lost"},
            id="player",
        ),
        pytest.param(
            prop("passing_yards", "over", "under", line="250"),
            played(passing_yards=250),
            {"over": "void", "under": "void"},
            id="player-push",  # DraftKings football 3: push rules apply
        ),
        pytest.param(
            prop("rushing_yards", "over", "under", line="40.5"),
            played(took_part=False),
            {"over": "void", "under": "void"},
            id="player-did-not-play",
        ),
        pytest.param(
            prop("anytime_touchdown", "yes", "no"), played(touchdowns=1), {"yes": "won", "no": "lost"}, id="touchdown"
        ),
        pytest.param(
            prop("anytime_touchdown", "yes", "no"),
            played(touchdowns=0, passing_touchdowns=3),
            {"yes": "lost", "no": "won"},
            id="who-threw-it-does-not-score",  # Epicbet
        ),
        pytest.param(
            prop("anytime_touchdown", "yes", "no"),
            played("abandoned", touchdowns=0),
            {"yes": "void", "no": "void"},
            id="could-still-have-scored",
        ),
    ],
)
def test_football(about: Market, entered: Entered, expected: Expected) -> None:
    assert words("football", about, entered) == expected


NHL = {"p1": (1, 0), "p2": (0, 1), "p3": (1, 1), "ot": (0, 0)}  # 2:2


@pytest.mark.parametrize(
    ("about", "entered", "expected"),
    [
        # BetDEX: 2-2 after overtime, shootout 3-1, settled as 3-2 and not as 5-3. Pinnacle: likewise.
        (market("total_goals", "over", "under", line="5.5"), final(**NHL, so=(3, 1)), {"over": "lost", "under": "won"}),
        (market("total_goals", "over", "under", line="5"), final(**NHL, so=(3, 1)), {"over": "void", "under": "void"}),
        (market("puck_line", "home", "away", line="-1"), final(**NHL, so=(3, 1)), {"home": "void", "away": "void"}),
        (market("moneyline", "home", "away"), final(**NHL, so=(3, 1)), {"home": "won", "away": "lost"}),
        # Bodog: three ways are settled on regulation.
        (
            market("match_result", "home", "draw", "away", period="regulation"),
            final(**NHL, so=(3, 1)),
            {"home": "lost", "draw": "won", "away": "lost"},
        ),
        # BetDEX: abandoned level after the minimum time, the moneyline is void, handicaps and totals are settled.
        (market("moneyline", "home", "away"), broken("56", "p3", **NHL), {"home": "void", "away": "void"}),
        (
            market("total_goals", "over", "under", line="5.5"),
            broken("56", "p3", **NHL),
            {"over": "lost", "under": "won"},
        ),
        (prop("shots_on_goal", "over", "under", line="2.5"), played(shots_on_goal=3), {"over": "won", "under": "lost"}),
        (prop("anytime_goalscorer", "yes", "no"), played(took_part=False), {"yes": "void", "no": "void"}),
    ],
)
def test_hockey(about: Market, entered: Entered, expected: Expected) -> None:
    assert words("hockey", about, entered) == expected


@pytest.mark.parametrize(
    ("line", "score", "expected"),
    [
        # bet365 New Jersey, Asian Handicap: 0; 0,0.5; 0.5; 0.5,1; 1.
        ("0", (1, 1), {"home": "void", "away": "void"}),
        ("-0.25", (1, 0), {"home": "won", "away": "lost"}),
        ("-0.25", (1, 1), {"home": "half lost", "away": "half won"}),
        ("-0.25", (0, 1), {"home": "lost", "away": "won"}),
        ("-0.5", (1, 1), {"home": "lost", "away": "won"}),
        ("-0.75", (2, 0), {"home": "won", "away": "lost"}),
        ("-0.75", (1, 0), {"home": "half won", "away": "half lost"}),
        ("-0.75", (1, 1), {"home": "lost", "away": "won"}),
        ("-1", (1, 0), {"home": "void", "away": "void"}),
        # Unibet, Asian Handicap lines: +2 and 0-1, 0-2, 0-3.
        ("2", (0, 1), {"home": "won", "away": "lost"}),
        ("2", (0, 2), {"home": "void", "away": "void"}),
        ("2", (0, 3), {"home": "lost", "away": "won"}),
    ],
)
def test_asian_handicaps(line: str, score: tuple[int, int], expected: Expected) -> None:
    assert words("soccer", market("handicap", "home", "away", line=line), soccer(*score)) == expected


@pytest.mark.parametrize(
    ("line", "goals", "over", "under"),
    [
        # VPTOP, Football Prediction Guide: over and under 2.25 and 2.75.
        ("2.25", (2, 1), "won", "lost"),
        ("2.25", (1, 1), "half lost", "half won"),
        ("2.25", (1, 0), "lost", "won"),
        ("2.75", (3, 1), "won", "lost"),
        ("2.75", (2, 1), "half won", "half lost"),
        ("2.75", (1, 1), "lost", "won"),
    ],
)
def test_goal_lines(line: str, goals: tuple[int, int], over: str, under: str) -> None:
    about = market("total_goals", "over", "under", line=line)
    assert words("soccer", about, soccer(*goals)) == {"over": over, "under": under}


@pytest.mark.parametrize(
    ("about", "entered", "expected"),
    [
        # Pinnacle: where the draw is offered, only it is paid on a draw. Swisslos: 3-3, draw no bet is refunded.
        (market("match_result", "home", "draw", "away"), soccer(3, 3), {"home": "lost", "draw": "won", "away": "lost"}),
        (market("draw_no_bet", "home", "away", cls="special"), soccer(3, 3), {"home": "void", "away": "void"}),
        (market("both_teams_to_score", "yes", "no", cls="special"), soccer(1, 0), {"yes": "lost", "no": "won"}),
        (
            market("both_teams_to_score", "yes", "no", cls="special"),
            broken("60", "2h", **{"1h": (1, 1), "2h": (0, 0)}),
            {"yes": "won", "no": "lost"},
        ),
        (
            market("both_teams_to_score", "yes", "no", cls="special"),
            broken("60", "2h", **{"1h": (1, 0), "2h": (0, 0)}),
            {"yes": "void", "no": "void"},
        ),
        (
            market("match_result", "home", "draw", "away"),
            broken("89", "2h", **{"1h": (1, 0), "2h": (4, 0)}),
            {"home": "void", "draw": "void", "away": "void"},
        ),
        (market("match_result", "home", "away"), Entered("cancelled"), {"home": "void", "away": "void"}),
    ],
)
def test_soccer(about: Market, entered: Entered, expected: Expected) -> None:
    assert words("soccer", about, entered) == expected


INNINGS = {f"i{number}": (0, 0) for number in range(1, 10)}


@pytest.mark.parametrize(
    ("about", "entered", "expected"),
    [
        # Titanbet: the moneyline counts after 5 innings, 4.5 with the home side ahead; runs need 9, or 8.5.
        (
            market("moneyline", "home", "away"),
            broken("5", "i6", **INNINGS | {"i1": (0, 1)}),
            {"home": "lost", "away": "won"},
        ),
        (
            market("moneyline", "home", "away"),
            broken("4.5", "i5", **INNINGS | {"i1": (1, 0)}),
            {"home": "won", "away": "lost"},
        ),
        (
            market("moneyline", "home", "away"),
            broken("4.5", "i5", **INNINGS | {"i1": (0, 1)}),
            {"home": "void", "away": "void"},
        ),
        (
            market("run_line", "home", "away", line="-1.5"),
            broken("8", "i9", **INNINGS | {"i1": (5, 0)}),
            {"home": "void", "away": "void"},
        ),
        (
            market("run_line", "home", "away", line="-1.5"),
            broken("8.5", "i9", **INNINGS | {"i1": (5, 0)}),
            {"home": "won", "away": "lost"},
        ),
        (
            market("total_runs", "over", "under", line="7.5"),
            broken("6", "i7", **INNINGS | {"i1": (5, 3)}),
            {"over": "won", "under": "lost"},
        ),
        # DraftKings baseball 3: level after extra innings, the game is void, totals are settled; 6: the first half is
        # five innings.
        (
            market("moneyline", "home", "away"),
            final(**INNINGS, extra=(1, 1)),
            {"home": "void", "away": "void"},
        ),
        (
            market("total_runs", "over", "under", line="1.5"),
            final(**INNINGS, extra=(1, 1)),
            {"over": "won", "under": "lost"},
        ),
        (
            market("total_runs", "over", "under", line="2.5", period="1h"),
            final(**INNINGS | {"i5": (2, 1), "i6": (4, 4)}),
            {"over": "won", "under": "lost"},
        ),
        (prop("home_run", "yes", "no"), played(home_runs=2), {"yes": "won", "no": "lost"}),
    ],
)
def test_baseball(about: Market, entered: Entered, expected: Expected) -> None:
    assert words("baseball", about, entered) == expected


NBA = {"q1": (25, 20), "q2": (25, 30), "q3": (20, 20), "q4": (30, 30)}


@pytest.mark.parametrize(
    ("about", "entered", "expected"),
    [
        # SBK 17.6: level with the handicap, all bets are void; 17.8.4: overtime counts for point spreads.
        (market("spread", "home", "away", line="-7"), final(**NBA, ot=(12, 5)), {"home": "void", "away": "void"}),
        (market("moneyline", "home", "away"), final(**NBA, ot=(12, 5)), {"home": "won", "away": "lost"}),
        # SBK 17.3, playMGM: 43 minutes.
        (market("spread", "home", "away", line="0.5"), broken("42", "q4", **NBA), {"home": "void", "away": "void"}),
        (market("spread", "home", "away", line="0.5"), broken("43", "q4", **NBA), {"home": "won", "away": "lost"}),
        # BetPanther 5: no action where the player did not play.
        (prop("points", "over", "under", line="20.5"), played(took_part=False), {"over": "void", "under": "void"}),
        (prop("points", "over", "under", line="20.5"), played(points=20), {"over": "lost", "under": "won"}),
    ],
)
def test_basketball(about: Market, entered: Entered, expected: Expected) -> None:
    assert words("basketball", about, entered) == expected


@pytest.mark.parametrize(
    ("about", "entered", "expected"),
    [
        # Sportsbet: 6-2, 6-4, 4-6, 7-5 is 3-1 in sets and 40 games.
        (
            market("moneyline", "home", "away"),
            final(s1=(6, 2), s2=(6, 4), s3=(4, 6), s4=(7, 5)),
            {"home": "won", "away": "lost"},
        ),
        (
            market("total_games", "over", "under", line="36.5"),
            final(s1=(6, 2), s2=(6, 4), s3=(4, 6), s4=(7, 5)),
            {"over": "won", "under": "lost"},
        ),
        # More games do not win a match.
        (
            market("moneyline", "home", "away"),
            final(s1=(0, 6), s2=(7, 6), s3=(7, 6)),
            {"home": "won", "away": "lost"},
        ),
        # Bodog 2, 7: retired, no action. ubet: at 4-4 only eight games were played, 9.5 is void.
        (
            market("moneyline", "home", "away"),
            broken(None, "s2", s1=(6, 2), s2=(4, 4)),
            {"home": "void", "away": "void"},
        ),
        (
            market("total_games", "over", "under", line="9.5"),
            broken(None, "s1", s1=(4, 4)),
            {"over": "void", "under": "void"},
        ),
        (
            market("total_games", "over", "under", line="7.5"),
            broken(None, "s1", s1=(4, 4)),
            {"over": "won", "under": "lost"},
        ),
    ],
)
def test_tennis(about: Market, entered: Entered, expected: Expected) -> None:
    assert words("tennis", about, entered) == expected
