"""Verifying a packet, and admitting a receipt: the shell around the pure parts, in DOMAIN.md's order.

A packet: read, compared with who brings it, its id claimed once, the last fix looked up, placed, recorded, sealed. What
the coordination store or the database does not answer is refused.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from feeds.contract.coordination import Coordination, Unavailable
from gateway.bets.ports import Use
from gateway.location.atlas import Atlas
from gateway.location.checks import AFTER_CLAIM, BEFORE_CLAIM, Asked, Claimant, asked_of, held_against
from gateway.location.claims import read_packet
from gateway.location.fixes import Fixes
from gateway.location.keys import VendorKey
from gateway.location.placing import Placement, fix_of, place
from gateway.location.policy import Policy
from gateway.location.receipts import Decision, ReceiptKeys, held_by
from gateway.location.record import ACCEPTED, Checked
from gateway.location.refusals import GeoRefused
from gateway.location.rules import Matrix, Question, Rule

DISPLACING = frozenset(
    {
        "geo_network_changed",
        "geo_mocked",
        "geo_rooted",
        "geo_proxy",
        "geo_remote_desktop",
        "geo_jumped",
        "geo_outside",
        "geo_excluded_zone",
        "geo_undetermined",
        "geo_too_close_to_border",
        "geo_state_not_offered",
    }
)
"""Refusals of a genuine packet that tell where its account is, or is no more, or that it cheats: an earlier receipt
does not stand after them. A packet that is forged, another's, or used twice takes nobody's receipt away."""

_COORDINATE_DIGITS = 2
_CLAIM_MARGIN_S = 60
"""A used id is remembered until its packet could not be accepted any more, and so much longer."""


class Records(Protocol):
    """Where checks are written (record.py)."""

    async def record(self, checked: Checked) -> None:
        """Returns when it is written. Raises GeoRefused("geo_unavailable")."""

    def note(self, checked: Checked) -> None:
        """Writes it soon."""


class Verification(NamedTuple):
    """What the device gets: a receipt, until when (Unix seconds), and for where."""

    receipt: str
    expires_s: int
    jurisdiction: str


class Known(NamedTuple):
    """What a verification is made with."""

    keys: Mapping[str, VendorKey]
    atlas: Atlas
    matrix: Matrix
    policy: Policy
    receipts: ReceiptKeys


class LocationService:
    """The verifier. `clock`: Unix seconds."""

    def __init__(
        self, known: Known, coordination: Coordination, records: Records, *, clock: Callable[[], float]
    ) -> None:
        self._known = known
        self._coordination = coordination
        self._fixes = Fixes(coordination)
        self._records = records
        self._clock = clock

    async def verify(self, packet: str, claimant: Claimant) -> Verification:
        """Raises GeoRefused, and has recorded it; "geo_unavailable" for what could not be recorded."""
        now_s = self._clock()
        token_hash = hashlib.sha256(packet.encode()).digest()
        checked = Checked(claimant.account, now_s, ACCEPTED, claimant.network, token_hash)
        try:
            asked, placement = await self._place(packet, claimant, now_s)
            decision = self._decision(asked, placement, token_hash)
            receipt = self._known.receipts.seal(decision)
        except GeoRefused as refusal:
            displaces = refusal.code in DISPLACING
            await self._records.record(checked._replace(outcome=refusal.code, displaces=displaces))
            raise
        await self._records.record(checked._replace(decision=decision))
        return Verification(receipt, decision.expires_s, decision.jurisdiction)

    async def _place(self, text: str, claimant: Claimant, now_s: float) -> tuple[Asked, Placement]:
        known = self._known
        asked = asked_of(read_packet(text, known.keys), claimant, known.policy, now_s)
        held_against(BEFORE_CLAIM, asked)
        await self._claim(asked)
        before = await self._fixes.last(claimant.account)
        asked = asked._replace(last=before.fix)
        held_against(AFTER_CLAIM, asked)
        await self._fixes.replace(claimant.account, fix_of(asked), version=before.version)
        placement = place(asked, known.atlas)
        if not known.matrix.offers(placement.jurisdiction):
            raise GeoRefused("geo_state_not_offered")
        return asked, placement

    async def _claim(self, asked: Asked) -> None:
        """The packet's id, once for all workers."""
        packet, policy = asked.packet, asked.policy
        name = hashlib.sha256(f"{packet.iss}\0{packet.jti}".encode()).hexdigest()
        try:
            claim = await self._coordination.claim(
                f"geo-jti/{name}", b"", ttl_s=policy.age_s_max + policy.skew_s + _CLAIM_MARGIN_S
            )
        except Unavailable as error:
            raise GeoRefused("geo_unavailable") from error
        if not claim.won:
            raise GeoRefused("geo_replayed")

    def _decision(self, asked: Asked, placement: Placement, token_hash: bytes) -> Decision:
        packet, known = asked.packet, self._known
        return Decision(
            id=uuid.uuid4(),
            **asked.claimant._asdict(),
            jurisdiction=placement.jurisdiction,
            fix_s=placement.fix_s,
            expires_s=placement.expires_s,
            token_hash=token_hash,
            lat=round(packet.lat, _COORDINATE_DIGITS),
            lon=round(packet.lon, _COORDINATE_DIGITS),
            accuracy_m=packet.accuracy_m,
            border_m=placement.border_m,
            boundaries=known.atlas.version,
            rules=known.matrix.version,
        )

    def admit(
        self, receipt: str | None, claimant: Claimant, *, use: Use = "bet", now_s: float | None = None
    ) -> Decision:
        """The decision of a live receipt that is this claimant's. Reads nothing; the transaction that it is for calls
        record.use with it. Raises GeoRefused, and has noted it where the receipt is one of ours."""
        if not receipt:
            raise GeoRefused("geo_no_receipt")
        decision = self._known.receipts.open(receipt)
        try:
            held_by(decision, claimant, self._clock() if now_s is None else now_s)
        except GeoRefused as refusal:
            self.note(decision, refusal, use=use, claimant=claimant)
            raise
        return decision

    def permit(self, state: str, asked: Question, *, now_s: float | None = None) -> Rule:
        """The rule that allows a leg of a bet from a state. Raises GeoRefused."""
        on = datetime.fromtimestamp(self._clock() if now_s is None else now_s, UTC).date()
        return self._known.matrix.permit(state, asked, on=on)

    def note(
        self,
        decision: Decision,
        refusal: GeoRefused,
        *,
        use: Use,
        claimant: Claimant | None = None,
        market: str | None = None,
    ) -> None:
        """Records that a use was refused. `claimant`: who asked, where it is not certainly whose the receipt is: then
        nothing is told of where that is."""
        account = decision.account if claimant is None else claimant.account
        checked = Checked(
            account=account,
            at_s=self._clock(),
            outcome=refusal.code,
            network=decision.network if claimant is None else claimant.network,
            token_hash=decision.token_hash,
            decision=decision if decision.account == account else None,
            kind=use,
            market=market,
            rule=refusal.rule,
        )
        self._records.note(checked)
