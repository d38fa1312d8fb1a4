"""What a trader's commands make of an overlay, and which are refused."""

from __future__ import annotations

import pytest

from feeds.contract.desk import Overlay, Target
from feeds.contract.errors import Refused
from feeds.contract.prices import price_from_american
from gateway.desk.commands import (
    ENTRIES_MAX,
    Aim,
    Command,
    Edit,
    Resume,
    SetMargin,
    SetMaxStake,
    SetPrice,
    Suspend,
    carried_out,
    parse_aim,
)
from tests.feeds.desk_states import command, overlay

PRICE = price_from_american(-110)
MARKET = "football.nfl.E1.M9"


@pytest.mark.parametrize(
    ("text", "aim", "event"),
    [
        ("football", Aim("football", Target()), None),
        ("football:prop", Aim("football", Target(cls="prop")), None),
        ("football.nfl", Aim("football.nfl", Target()), None),
        ("football.nfl.E1", Aim("football.nfl.E1", Target()), "E1"),
        ("football.nfl.E1:main", Aim("football.nfl.E1", Target(cls="main")), "E1"),
        (MARKET, Aim("football.nfl.E1", Target(market="M9")), "E1"),
    ],
)
def test_a_scope_is_read_and_told_in_the_same_words(text: str, aim: Aim, event: str | None) -> None:
    assert parse_aim(text) == aim
    assert (aim.text, aim.event) == (text, event)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_sport"),
        ("Football", "bad_sport"),
        ("desk", "bad_sport"),
        ("football.", "bad_league"),
        ("football.nfl~E1", "bad_league"),
        ("football.nfl.E*", "bad_id"),
        ("football.nfl.E1.M9.x", "bad_scope"),
        ("football:best", "bad_scope"),
        ("football:", "bad_scope"),
        (f"{MARKET}:prop", "bad_scope"),
    ],
)
def test_what_is_no_scope_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_aim(text)
    assert refusal.value.code == code


def test_a_second_suspension_of_the_same_aim_takes_the_place_of_the_first() -> None:
    made = overlay("football.nfl:prop", Suspend(), Suspend(60))
    (only,) = made.entries.suspensions
    assert (only.until, made.version) == (60_000, 2)
    assert [each.until for each in made.change.before.suspensions] == [None]
    assert made.change.after.suspensions == (only,)


def test_edits_touch_only_their_own_entries() -> None:
    edits: list[Edit] = [Suspend(), SetPrice("O1", PRICE, 60), SetPrice("O2", PRICE, 60), SetMargin(5), SetMaxStake(7)]
    made = overlay(MARKET, *edits, SetPrice("O1", None))
    assert [each.selection for each in made.entries.overrides] == ["O2"]
    assert len(made.entries) == 4
    made = overlay(MARKET, *edits, Resume())
    assert (made.entries.suspensions, len(made.entries)) == ((), 4)
    assert not overlay(MARKET, *edits, SetMargin(None)).entries.margins


@pytest.mark.parametrize("edit", [Resume(), SetPrice("O1", None), SetMargin(None), SetMaxStake(None)])
def test_there_has_to_be_something_to_end(edit: Edit) -> None:
    before = overlay("football.nfl.E1.M8", Suspend(), SetPrice("O1", PRICE, 60), SetMargin(5), SetMaxStake(7))
    with pytest.raises(Refused) as refusal:
        carried_out(command(MARKET, edit), before, version=9, now_ms=0)
    assert refusal.value.code == "nothing_to_end"


def test_what_has_run_out_is_left_out_of_the_next_version() -> None:
    before = overlay(MARKET, Suspend(1), SetPrice("O1", PRICE, 1))
    made = carried_out(command(MARKET, SetMargin(5)), before, version=3, now_ms=1_000)
    assert (made.entries.suspensions, made.entries.overrides, len(made.entries)) == ((), (), 1)


def test_a_full_overlay_takes_no_more() -> None:
    made: Overlay | None = None
    for number in range(ENTRIES_MAX):
        made = carried_out(command(f"football.nfl.E1.M{number}", Suspend()), made, version=number + 1, now_ms=0)
    with pytest.raises(Refused) as refusal:
        carried_out(command("football.nfl.E1", Suspend()), made, version=ENTRIES_MAX + 1, now_ms=0)
    assert refusal.value.code == "overlay_full"
    carried_out(command("football.nfl.E1.M5", Suspend(9)), made, version=ENTRIES_MAX + 1, now_ms=0)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Command("short", parse_aim("football"), Suspend(), "jo", "why"), "bad_command"),
        (Command("command-1", parse_aim("football"), Suspend(), " ", "why"), "bad_command"),
        (Command("command-1", parse_aim("football"), Suspend(), "jo", ""), "bad_command"),
        (Command("command-1", parse_aim("football"), Suspend(), "jo", "x" * 201), "bad_command"),
        (Command("command-1", parse_aim("football.nfl.E1"), SetPrice("O1", PRICE, 5), "jo", "why"), "bad_scope"),
    ],
)
def test_a_command_that_says_too_little_or_too_much_is_refused(wanted: Command, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        wanted.check()
    assert refusal.value.code == code
