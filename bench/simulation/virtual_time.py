"""An asyncio loop in which time passes only when nothing else can happen: a minute of waiting takes no time at all.

What runs on it must wait for nothing but timers and each other.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from bench.simulation.violation import Violation

_BEGAN_S = 1_000.0
"""Not 0: what begins "never" must not look like now."""


class _Jumping(selectors.BaseSelector):
    """Waits for no file: time jumps to the next timer."""

    def __init__(self) -> None:
        self.now_s = _BEGAN_S
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Violation("everything waits, and nothing will ever happen")
        self.now_s += max(timeout, 0.0)
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. `failures`: what tasks raised that nobody asked for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        self.failures: list[str] = []
        super().__init__(self._jumping)
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now_s

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(f"{context['message']}: {context.get('exception')!r}")


def run_virtual(main: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> None:
    """Runs it to its end; what is still waiting then is cancelled. Raises Violation, and what `main` raises."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        runner.run(main(loop))
        if loop.failures:
            raise Violation(f"a task failed: {loop.failures[0]}")
