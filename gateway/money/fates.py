"""What the failing of a statement says about it, by SQLSTATE. Pure.

A statement of ours is a transaction: where the server itself says that it failed, nothing of it was done. Where the
connection ended, or no answer came, it may have been done, or may still be.
"""

from __future__ import annotations

from typing import Literal

from gateway.store.errors import NotConnected

Fate = Literal["rerun", "undone", "unknown"]

_RERUN = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: the whole decision is made again."""

_UNDONE_CLASSES = frozenset({"53", "55"})
_UNDONE = frozenset({"57014", "57P03"})
"""Insufficient resources, a lock that was not had in time, a statement that took too long, a server that starts."""


def fate_of(error: BaseException) -> Fate:
    """Of the error, or of what caused it."""
    if isinstance(error, NotConnected):
        return "undone"
    state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None) or ""
    if state in _RERUN:
        return "rerun"
    if state in _UNDONE or state[:2] in _UNDONE_CLASSES:
        return "undone"
    return "unknown"
