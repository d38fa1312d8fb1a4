"""Coverage-guided fuzzing of the shard's two readers of bytes: `python -m tests.conformance.guided websocket|head`.

What stands behind the target is libFuzzer's: `-max_total_time=60 -seed=1 CORPUS`. An input is the bytes of a device,
but for the first, which says how they are cut into reads. Status 0: nothing was found; otherwise libFuzzer writes the
input to a file. test_guided.py runs it and does not import it: atheris takes over the process.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["fanout", "websockets"]):
    from tests.conformance.theatre import (
        Theatre,
        assert_answered_or_awaited,
        assert_open_or_properly_closed,
        assert_understood,
        opened,
    )
    from tests.conformance.transport import cut


def websocket(theatre: Theatre, said: bytes, places: list[int]) -> None:
    """Bytes after the upgrade."""
    line, _ = theatre.says(cut(said, places))
    assert_open_or_properly_closed(line)
    assert_understood(line)
    theatre.leaves(line)


def head(theatre: Theatre, said: bytes, places: list[int]) -> None:
    """Bytes from the beginning of a connection."""
    line = theatre.knocks(cut(said, places))
    assert_answered_or_awaited(line, said)
    theatre.leaves(line)


TARGETS = {"websocket": websocket, "head": head}


def main() -> None:
    """Fuzzes until its time is over. Does not return: libFuzzer ends the process."""
    target = TARGETS[sys.argv.pop(1)]
    with opened() as theatre:

        def one_input(data: bytes) -> None:
            stride = data[0] if data else 0
            places = list(range(stride, len(data), stride)) if stride else []
            target(theatre, data[1:], places)

        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
