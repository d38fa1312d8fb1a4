"""Names of the markets a live stream speaks of, asked for before a market is first told of: an event's league is fixed
at first sight. A market is asked for once a connection; where nobody answers in time it goes without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from feeds.contract.errors import Refused
from feeds.providers.betfair.account import CATALOGUE_MARKETS_MAX, Account, AccountUnavailable
from feeds.providers.betfair.catalogue import Catalogue

NAMES_TIMEOUT_S: Final = 3.0
"""The stream waits for names for this long at a time; what it sends meanwhile waits in the kernel."""

_log = structlog.get_logger(__name__)


class Naming:
    """Fills `catalogue` from `account`. Without an `account` nothing is ever asked."""

    def __init__(self, catalogue: Catalogue, account: Account | None) -> None:
        self._catalogue = catalogue
        self._account = account
        self._asked: set[str] = set()

    def ask_again(self) -> None:
        """A new connection: what had no answer is asked for once more."""
        self._asked.clear()

    def forget(self, market_ids: Iterable[str]) -> None:
        """These are not spoken of any more."""
        gone = list(market_ids)
        self._catalogue.forget(gone)
        self._asked.difference_update(gone)

    async def learn(self, market_ids: Iterable[str]) -> None:
        """Names of those that have none, as far as they are to be had in time."""
        if self._account is None:
            return
        wanted = [each for each in market_ids if each not in self._catalogue and each not in self._asked]
        if not wanted:
            return
        self._asked.update(wanted)
        try:
            async with asyncio.timeout(NAMES_TIMEOUT_S):
                for start in range(0, len(wanted), CATALOGUE_MARKETS_MAX):
                    part = wanted[start : start + CATALOGUE_MARKETS_MAX]
                    self._catalogue.add(await self._account.names(part))
        except (AccountUnavailable, Refused, TimeoutError) as error:
            _log.warning("names_not_learnt", markets=len(wanted), detail=f"{type(error).__name__} {error}"[:200])
