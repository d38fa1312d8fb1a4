"""The fixtures of tests/ports/backends.py, for every test of a port."""

from __future__ import annotations

from tests.ports.backends import asd, backend

__all__ = ["asd", "backend"]
