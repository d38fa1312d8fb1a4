"""Locations as bets ask for them (gateway/bets/ports.py): a receipt is admitted, and the legs are held against the
rules of the state. That the receipt stands is asked again by the statement that places the bet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

from gateway.access.principal import Principal
from gateway.bets.checks import Quote
from gateway.bets.ports import Decision, Use, shown_of
from gateway.location.checks import Claimant, network_of
from gateway.location.leagues import Leagues
from gateway.location.record import read_recorded, recorded
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

    async def check(
        self, receipt: str | None, principal: Principal, network: str, at: datetime, *, use: Use = "bet"
    ) -> Decision:
        """See Locations."""
        try:
            claimant = claimant_of(principal, network)
            admitted = self._there().admit(receipt, claimant, use=use, now_s=at.timestamp())
        except GeoRefused as refusal:
            raise MoneyRefused(refusal.code, str(refusal)) from refusal
        until = datetime.fromtimestamp(admitted.expires_s, UTC)
        record = {"verifier": VERIFIER, **recorded(admitted)}
        return Decision(admitted.jurisdiction, until, record, shown_of(record))

    def permit(self, decision: Decision, quotes: Sequence[Quote], *, stake: int, at: datetime) -> None:
        """See Locations."""
        state, service = decision.jurisdiction, self._there()
        for quote in quotes:
            asked = self._question(state, quote, stake=stake, parlay=len(quotes) > 1)
            try:
                service.permit(state, asked, now_s=at.timestamp())
            except GeoRefused as refusal:
                assert quote.market is not None
                service.note(read_recorded(decision.record), refusal, use="bet", market=quote.market.id)
                raise MoneyRefused(refusal.code, str(refusal)) from refusal

    def fell(self, decision: Decision, code: str, *, use: Use = "bet") -> None:
        """See Locations."""
        self._there().note(read_recorded(decision.record), GeoRefused(code), use=use)

    def _there(self) -> LocationService:
        service = self._service()
        if service is None:
            raise MoneyRefused("geo_unavailable")
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
