"""Locations as bets ask for them (gateway/bets/ports.py): a receipt is admitted, and the legs are held against the
rules of the state. That the receipt stands is asked again by the statement that places the bet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

from gateway.access.principal import Principal
from gateway.bets.checks import Quote
from gateway.bets.ports import Decision, shown_of
from gateway.location.checks import Claimant, network_of
from gateway.location.leagues import Leagues
from gateway.location.record import recorded
from gateway.location.refusals import GeoRefused
from gateway.location.rules import Question
from gateway.location.service import LocationService
from gateway.money.refusals import MoneyRefused

VERIFIER = "packet"
"""What a bet says of who verified its place."""


def claimant_of(principal: Principal, address: str) -> Claimant:
    """Who asks, from where. Raises GeoRefused("geo_network_changed") where the address is none."""
    try:
        network = network_of(ip_address(address))
    except ValueError as error:
        raise GeoRefused("geo_network_changed") from error
    return Claimant(principal.account or "", principal.device, principal.session, network)


class BettingLocations:
    """A gateway.bets.ports.Locations. `service` gives None while there is none; `age`: that all accounts have."""

    def __init__(self, service: Callable[[], LocationService | None], leagues: Leagues, *, age: int) -> None:
        self._service = service
        self._leagues = leagues
        self._age = age

    async def check(self, receipt: str | None, principal: Principal, network: str, at: datetime) -> Decision:
        """See Locations."""
        try:
            admitted = self._there().admit(receipt, claimant_of(principal, network), now_s=at.timestamp())
        except GeoRefused as refusal:
            raise MoneyRefused(refusal.code, str(refusal)) from refusal
        until = datetime.fromtimestamp(admitted.expires_s, UTC)
        record = {"verifier": VERIFIER, **recorded(admitted)}
        return Decision(admitted.jurisdiction, until, record, shown_of(record))

    def permit(self, decision: Decision, quotes: Sequence[Quote], *, stake: int, at: datetime) -> None:
        """See Locations."""
        state = decision.jurisdiction
        questions = [self._question(state, quote, stake=stake, parlay=len(quotes) > 1) for quote in quotes]
        try:
            self._there().permit(state, questions, now_s=at.timestamp())
        except GeoRefused as refusal:
            raise MoneyRefused(refusal.code, str(refusal)) from refusal

    def _there(self) -> LocationService:
        service = self._service()
        if service is None:
            raise GeoRefused("geo_unavailable")
        return service

    def _question(self, state: str, quote: Quote, *, stake: int, parlay: bool) -> Question:
        market, event = quote.market, quote.event
        assert market is not None
        sport, league, _ = market.topic.split(".", 2)
        teams = () if event is None or event.kind == "outright" else (event.home, event.away)
        return Question(
            sport=sport,
            league=league,
            level=self._leagues.level(sport, league),
            cls=market.cls,
            live=quote.live,
            parlay=parlay,
            stake=stake,
            own_team=self._leagues.own_team(state, teams),
            age=self._age,
        )
