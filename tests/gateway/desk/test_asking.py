"""What the page asks for becomes the command that the command line would make, and what is taken back stands again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.desk import Overlay, running
from feeds.contract.errors import Refused
from gateway.desk.asking import CommandIn, UndoIn, undoing
from gateway.desk.commands import Command, Resume, SetMargin, SetPrice, Suspend, carried_out

NOW_MS = 1_790_000_000_000
MARKET = "football.nfl.E1.M1"


def asked(**fields: Any) -> CommandIn:
    said = {"id": "command-1", "scope": MARKET, "reason": "because", "version": 3, "action": "suspend", **fields}
    return msgspec.convert(said, CommandIn)


def test_a_command_is_what_was_asked_for() -> None:
    assert asked(for_s=60).command("jo").edit == Suspend(60)
    assert asked(action="resume").command("jo").edit == Resume()
    assert asked(action="margin", value="5.5").command("jo").edit == SetMargin(550)
    assert asked(action="margin").command("jo").edit == SetMargin(None)
    by_american = asked(action="override", selection="O1", price="-110", for_s=9).command("jo")
    assert by_american.edit == asked(action="override", selection="O1", price="1.909", for_s=9).command("jo").edit
    assert (by_american.by, by_american.why, by_american.version) == ("jo", "because", 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "override", "price": "-110", "for_s": 9},
        {"action": "override", "selection": "O1", "price": "-110"},
        {"action": "override", "selection": "O1", "price": "-1x0", "for_s": 9},
        {"action": "override", "selection": "O1", "price": "1.0000", "for_s": 9},
        {"action": "margin", "value": "-1"},
        {"action": "margin", "value": "100.01"},
        {"action": "max_stake", "value": "1e3"},
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        asked(**fields).command("jo")
    assert caught.value.code == "bad_command"


EDITS = st.one_of(
    st.builds(Suspend, st.none() | st.integers(10, 3_600)),
    st.just(Resume()),
    st.builds(SetMargin, st.none() | st.integers(0, 10_000)),
    st.just(SetPrice("O1", None)),
    st.builds(
        lambda price, for_s: asked(action="override", selection="O1", price=str(price), for_s=for_s).command("jo").edit,
        st.integers(100, 900),
        st.integers(10, 3_600),
    ),
)


@given(st.lists(EDITS, min_size=1, max_size=8))
def test_what_is_taken_back_leaves_what_stood_before(edits: list[Any]) -> None:
    overlay: Overlay | None = None
    for number, edit in enumerate(edits):
        aim = asked().command("jo").aim
        before = overlay
        version = 0 if overlay is None else overlay.version
        command = Command(f"command-{number}", aim, edit, "jo", "because")
        try:
            overlay = carried_out(command, overlay, version=version + 1, now_ms=NOW_MS)
        except Refused:  # there was nothing to end
            continue
        undo = UndoIn(f"undo-{number:04d}", MARKET, "a slip of the hand")
        back = undoing(undo, overlay, overlay.change.id, by="ann", now_ms=NOW_MS)
        assert back.version == overlay.version
        undone = carried_out(back, overlay, version=overlay.version + 1, now_ms=NOW_MS)
        assert shape(undone) == shape(before)


def shape(overlay: Overlay | None) -> Any:
    """The entries, whoever made them."""
    if overlay is None:
        return ([], [], [])
    held = running(overlay.entries, NOW_MS)
    return (
        [(one.target, one.until) for one in held.suspensions],
        [(one.market, one.selection, one.price, one.until) for one in held.overrides],
        [(one.target, one.value) for one in held.margins],
    )


def test_only_the_newest_change_is_taken_back_and_nothing_that_would_be_over() -> None:
    aim = asked().command("jo").aim
    first = carried_out(Command("command-1", aim, Suspend(60), "jo", "x"), None, version=1, now_ms=NOW_MS)
    lifted = carried_out(Command("command-2", aim, Resume(), "jo", "x"), first, version=2, now_ms=NOW_MS)
    undo = UndoIn("command-3", MARKET, "x")
    for overlay, change, code in ((lifted, "command-1", "stale_version"), (None, "command-1", "stale_version")):
        with pytest.raises(Refused) as caught:
            undoing(undo, overlay, change, by="jo", now_ms=NOW_MS)
        assert caught.value.code == code
    with pytest.raises(Refused) as caught:
        undoing(undo, lifted, "command-2", by="jo", now_ms=NOW_MS + 60_000)
    assert caught.value.code == "nothing_to_end"
