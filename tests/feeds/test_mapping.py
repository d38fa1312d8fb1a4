"""Ids and names that do not depend on one provider: by a mapping file, or by the provider's own words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from feeds.contract.errors import Refused
from feeds.contract.ids import ID_PATTERN, SLUG_PATTERN
from feeds.contract.model import Subject
from feeds.mapping import FILE_BYTES_MAX, MappingTable, MarketKey, Names, read_mapping

_FILE = """
[sports]
"sr:sport:16" = "football"
[leagues]
"sr:tournament:31" = "nfl"
"National Football League" = "nfl"
[teams]
"sr:competitor:4421" = "Chiefs"
[players]
"sr:player:1234" = { id = "patrick_mahomes", name = "Patrick Mahomes" }
[events]
"sr:match:1" = "nfl-bills-chiefs"
"""
_MONEYLINE = MarketKey("main", "moneyline", "game")


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "mapping.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_gives_our_words(tmp_path: Path) -> None:
    names = Names("acme", read_mapping(_file(tmp_path, _FILE)))
    assert names.sport("sr:sport:16", "American Football") == "football"
    assert names.league("sr:tournament:31") == names.league("x", "National Football League") == "nfl"
    assert names.team("sr:competitor:4421", "Kansas City Chiefs") == "Chiefs"
    assert names.player("sr:player:1234", "Mahomes, Patrick") == Subject("player", "patrick_mahomes", "Patrick Mahomes")


def test_without_a_file_names_speak_for_themselves() -> None:
    names = Names("acme")
    assert names.sport("7", "Ice Hockey") == "ice_hockey"
    assert names.sport("7", "Ice Hockey", known={"7": "hockey"}) == "hockey"
    assert names.league("9", "La Liga - Spain") == "la_liga_spain"
    assert names.league() == "other"
    assert names.team("1", "Chiefs") == "Chiefs"
    assert names.player("", "Patrick Mahomes") == Subject("player", "patrick_mahomes", "Patrick Mahomes")


@pytest.mark.parametrize("word", ["lead", "beat", "desk", "account"])
def test_no_sport_takes_a_reserved_word(word: str) -> None:
    assert Names("acme").sport("1", word) == "other"
    assert Names("acme", MappingTable(sports={"1": word})).sport("1") == "other"


def test_an_event_of_one_provider_has_ids_of_that_provider() -> None:
    ours, theirs = Names("acme"), Names("zenith")
    event = ours.event("1")
    assert not event.joined
    assert ours.event("1") == event != theirs.event("1")
    assert ours.market_id(event, _MONEYLINE, "1", "h2h") != theirs.market_id(theirs.event("1"), _MONEYLINE, "1", "h2h")
    market = ours.market_id(event, _MONEYLINE, "1", "h2h")
    assert ours.selection_id(event, market, "Bills", side="home") != ours.selection_id(event, market, "Chiefs")


def test_a_joined_event_has_the_same_ids_whoever_tells_of_it() -> None:
    ours = Names("acme", MappingTable(events={"1": "nfl-bills-chiefs"}))
    theirs = Names("zenith", MappingTable(events={"abc": "nfl-bills-chiefs"}))
    event = ours.event("1")
    assert event.joined
    assert theirs.event("abc") == event
    market = ours.market_id(event, _MONEYLINE, "1", "h2h")
    assert theirs.market_id(event, _MONEYLINE, 4711) == market
    assert ours.group_id(event, _MONEYLINE) == theirs.group_id(event, _MONEYLINE)
    home = ours.selection_id(event, market, "Bills", side="home", name="Bills")
    assert theirs.selection_id(event, market, 8, side="home", name="Buffalo") == home
    named = ours.selection_id(event, market, "x", name="Josh Allen")
    assert theirs.selection_id(event, market, 9, name="Josh Allen") == named


def test_a_joined_event_is_under_the_topic_that_its_file_names() -> None:
    row = {"key": "the-game", "sport": "football", "league": "nfl"}
    rows = {"1": row, "2": "the-game", "3": {**row, "sport": "desk"}}
    names = Names("acme", msgspec.convert({"events": rows}, MappingTable))
    event = names.event("1")
    assert event == names.event("2")
    assert names.topic("1", sport="american_football", league="other") == f"football.nfl.{event.id}"
    assert names.topic("2", sport="football", league="nfl") == f"football.nfl.{event.id}"
    assert names.topic("3", sport="football", league="nfl") == f"other.nfl.{event.id}"
    assert names.topic("4", sport="tennis", league="atp") == f"tennis.atp.{names.event('4').id}"


@pytest.mark.parametrize(
    "other",
    [
        _MONEYLINE._replace(cls="alternate"),
        _MONEYLINE._replace(type="match_result"),
        _MONEYLINE._replace(period="1h"),
        _MONEYLINE._replace(line="0"),
        _MONEYLINE._replace(subject="patrick_mahomes"),
    ],
)
def test_whatever_is_fixed_of_a_market_is_in_the_id_of_a_joined_one(other: MarketKey) -> None:
    names = Names("acme", MappingTable(events={"1": "key"}))
    event = names.event("1")
    assert names.market_id(event, other) != names.market_id(event, _MONEYLINE)


def test_a_group_joins_what_differs_in_class_and_line_only() -> None:
    names = Names("acme")
    event = names.event("1")
    main = MarketKey("main", "total", "game", "44.5")
    assert names.group_id(event, main) == names.group_id(event, main._replace(cls="alternate", line="47.5"))
    assert names.group_id(event, main) != names.group_id(event, main._replace(period="1h"))
    assert names.group_id(event, main) != names.group_id(names.event("2"), main)


def test_ids_and_slugs_may_stand_in_topics() -> None:
    names = Names("acme")
    event = names.event("é/ .*>")
    market = names.market_id(event, _MONEYLINE, "> *")
    for each in (event.id, market, names.group_id(event, _MONEYLINE), names.selection_id(event, market, "..")):
        assert ID_PATTERN.match(each)
    assert SLUG_PATTERN.match(names.sport("", "日本"))
    assert SLUG_PATTERN.match(names.player("", "日本").id)


@pytest.mark.parametrize(
    "text",
    [
        "[sports]\n1 = 2",
        '[sports]\n"1" = "a\\n"',
        '[sports]\n"1" = "Not a slug"',
        '[nonsense]\n"1" = "a"',
        '[events]\n"1" = { key = "a", sport = "football" }',
        '[events]\n"1" = { key = "a", sport = "football", league = "N F L" }',
        '[players]\n"1" = { id = "a" }',
        "[sports",
        b"\xff\xfe",
        '[teams]\n"1" = ""',
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(Refused) as refusal:
        read_mapping(_file(tmp_path, text))
    assert refusal.value.code == "bad_mapping"


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read_mapping(_file(tmp_path, b"#" * (FILE_BYTES_MAX + 1)))
    assert refusal.value.code == "bad_mapping"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read_mapping(tmp_path / "none.toml")
    assert refusal.value.code == "unreadable"
