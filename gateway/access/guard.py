"""Access of one worker, put together: what was kept of keys, the issuers, meters, and the layers over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from feeds.contract.coordination import Coordination
from gateway.access.cors import Cors
from gateway.access.development import AUDIENCE, ISSUER, Development, development_keys
from gateway.access.issuers import FixedKeys, Issuer
from gateway.access.layer import Access
from gateway.access.plans import PLANS, UNLIMITED
from gateway.access.ports import KeyStore
from gateway.access.sessions import Sessions
from gateway.access.settings import AccessSettings
from gateway.access.settling import Meters
from gateway.access.tokens import KeySet, Rules
from gateway.access.verifier import Keys, Verifier
from gateway.api.edge import App
from gateway.read.book import ReadBook

Layer = Callable[[App], App]

log = structlog.get_logger(__name__)


class Guard:
    """`layers`, the outermost first, and `run`, which keeps them up to date. Raises NoDevelopmentKeys.

    `shared`: the coordination is that of all workers. `sessions`: those of the desk's page, where it has any."""

    def __init__(
        self,
        settings: AccessSettings,
        *,
        store: KeyStore | None,
        coordination: Coordination,
        book: ReadBook,
        shared: bool = True,
        sessions: Sessions | None = None,
    ) -> None:
        directory = settings.development_dir
        development = None if directory is None else development_keys(directory)
        self.verifier = Verifier(
            store=store,
            issuers=_issuers(settings, development, self._keys_changed),
            development=development,
            outage_s=settings.outage_s,
            poll_s=settings.poll_s,
        )
        self.meters = Meters(coordination, share=1 / settings.workers, shared=shared)
        self.sessions = sessions
        self.access = Access(self.verifier, self.meters, book, anonymous=settings.anonymous, sessions=sessions)
        self.cors = Cors(settings.origins) if settings.origins else None
        cors: tuple[Layer, ...] = () if self.cors is None else (self.cors.layer,)
        self.layers: tuple[Layer, ...] = (*cors, self.access.layer)
        self._settle_s = settings.settle_s
        if store is None and development is None and not settings.issuer and not settings.anonymous:
            log.warning("nobody_may_ask", why="no database of keys, no issuer of tokens, odds not open to all")

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.verifier.run())
            group.create_task(self.meters.run(self._settle_s))
            if self.sessions is not None:
                group.create_task(self.sessions.run())

    def _keys_changed(self) -> None:
        self.verifier.keys_changed()


def _issuers(settings: AccessSettings, development: Development | None, changed: Callable[[], None]) -> list[Keys]:
    issuers: list[Keys] = []
    if settings.issuer:
        rules = Rules(
            issuer=settings.issuer,
            audience=settings.audience,
            algorithms=frozenset(settings.algorithms),
            plan=PLANS[settings.plan],
            skew_s=settings.clock_skew_s,
        )
        issuers.append(Issuer(rules, jwks_url=settings.jwks_url, stale_s=settings.outage_s, changed=changed))
    if development is not None:
        ours = Rules(issuer=ISSUER, audience=AUDIENCE, algorithms=frozenset(("EdDSA",)), plan=PLANS[UNLIMITED])
        issuers.append(FixedKeys(ours, KeySet(development.public, ours.algorithms)))
    return issuers
