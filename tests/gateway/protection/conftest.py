"""Fixtures of protection: those of bets."""

from __future__ import annotations

from tests.gateway.bets.conftest import money, worker

__all__ = ["money", "worker"]
