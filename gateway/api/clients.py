"""Whose request it is: the socket's peer, or who stands behind the proxies that are trusted. The shards' rule, and no
other (fanout/contract/addresses.py)."""

from __future__ import annotations

from collections.abc import Iterable

from fanout.contract.addresses import Networks, client_address
from gateway.api.edge import Scope


class Clients:
    """Tells clients' addresses. `trusted`: networks whose X-Forwarded-For is believed. Raises ValueError."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = Networks(trusted)

    def address(self, scope: Scope) -> str:
        """The client's; empty for a peer without one (a Unix socket)."""
        client = scope.get("client")
        forwarded_for: list[str] = []
        if self._trusted:
            named = (value for name, value in scope["headers"] if name == b"x-forwarded-for")
            forwarded_for = [value.decode("latin-1") for value in named]
        address = client_address(client[0] if client else "", forwarded_for, self._trusted)
        return "" if address is None else str(address)
