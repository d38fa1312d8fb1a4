"""All of the desk in one worker, put together: who signs in, what traders lay over the line, how everything is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from fanout.contract.fleet import DrainProgress
from feeds.contract.coordination import Coordination
from gateway.access.settings import AccessSettings
from gateway.api.calls import Endpoint
from gateway.api.clients import Clients
from gateway.api.desk import DeskEndpoints
from gateway.api.fleet import Fleet
from gateway.api.load import Pressure
from gateway.api.map import MapEndpoints
from gateway.api.own import Own
from gateway.api.pages import DeskPages, entry_of, sessions_of
from gateway.api.traffic import Traffic
from gateway.bets.service import BetsDesk
from gateway.desk.entering import Entering
from gateway.desk.flow import Flow
from gateway.desk.operations import Around, Operations
from gateway.desk.ports import OverlayLog
from gateway.desk.serving import Page
from gateway.desk.settings import PageSettings
from gateway.desk.tally import Tally
from gateway.location.desk import LocationDesk
from gateway.read.book import ReadBook


class Given(NamedTuple):
    """What it stands in. `flow` is told by `book`. `access` None: everything is open, and nobody signs in. `drain`: has
    a shard drain within so many seconds, gives its first word; raises Refused("shard_silent")."""

    name: str
    lanes: int
    book: ReadBook
    flow: Flow
    fleet: Fleet
    coordination: Coordination
    pressure: Pressure
    bets: BetsDesk
    places: LocationDesk | None
    log: OverlayLog
    drain: Callable[[str, float | None], Awaitable[DrainProgress]]
    page: PageSettings
    access: AccessSettings | None
    tickets: bool


class DeskSide:
    """Its endpoints, and what runs beside them. Raises NoDevelopmentKeys."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._tally = Tally()
        self.traffic = Traffic()
        self.sessions = None if given.access is None else sessions_of(given.page, given.access, given.coordination)
        self._entry = entry_of(given.page, given.access, self.sessions, tickets=given.tickets)
        bets = given.bets
        self.operations = Operations(
            Around(
                book=given.book,
                shards=lambda: given.fleet.statuses,
                shards_away=lambda: given.fleet.away,
                coordination=given.coordination,
                exposures=lambda: None if bets.service is None else bets.service.bets.exposures(),
                drain=given.drain,
                own=Own(given.name, given.pressure, self.traffic, self._tally).status,
            ),
            given.flow,
        )

    def calls(self) -> dict[str, Endpoint]:
        """By the names in routes.py."""
        given = self._given
        places = given.places
        ground = MapEndpoints(lambda: None if places is None else places.known[1:4])
        return DeskEndpoints(given.log, given.book, self.operations, lanes=given.lanes).by_name | ground.by_name

    def pages(self, clients: Clients) -> DeskPages:
        """The page, and the way in."""
        page = Page(self._given.fleet.urls, self._given.page.stream_origins)
        return DeskPages(page, Entering(self._entry, clients.address))

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the answering, whether the log is there or not."""
        return [] if self._entry is None or self._entry.oidc is None else [self._entry.oidc.run()]

    def heard(self, call: str, code: str) -> None:
        """A call was answered, by this problem, or by none."""
        if call == "place_bet":
            self._tally.heard(code)
