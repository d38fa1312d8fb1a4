"""One random run of what is sealed, not stored: offers to cash out and receipts of places travel through clients, who
bring them back late, cut, altered, as something else, or to a worker whose keys have moved on; places with their
lifetimes, and amounts as they are told. Everything follows from the seed but the nonces, which nothing depends on.

W1 what comes back is what was sealed, or refused; W2 parts of an offer never pay more than the whole, a margin never
pays more than none; W3 a receipt serves its claimant, from where he is, until it ends, and nobody else; W4 nobody
can be over the border before his place has ended; W5 amounts are read as they were told, and a limit's rest is what
is left.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from random import Random

from bench.simulation.violation import Violation
from feeds.contract.errors import Refused
from gateway.bets.offers import Offer, OfferedLeg, OfferKeys, part_of, worth
from gateway.location.checks import Claimant
from gateway.location.lifetime import lifetime_s
from gateway.location.policy import LIFE_S_MIN, STATIC_S, TRAVEL_MPS
from gateway.location.receipts import Decision, ReceiptKeys, held_by
from gateway.location.refusals import GeoRefused
from gateway.money.amounts import DIGITS, amount_from_text, amount_text
from gateway.money.refusals import MoneyRefused
from gateway.protection.limits import Limit, limit_said

STEPS = 12
TRACE_LINES = 40
_KEYS = {name: name.encode() * 16 for name in ("k1", "k2", "k3")}
_BEGAN_S = 1_790_000_000


class World:
    """Sealed words on their way, and what each of them was."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trace: deque[str] = deque(maxlen=TRACE_LINES)
        self._now_s = float(_BEGAN_S)
        self._keys = dict(_KEYS)

    def run(self) -> None:
        """Raises Violation."""
        actions: tuple[Callable[[], None], ...] = (
            self._offer,
            self._receipt,
            self._place,
            self._amount,
            self._rotate,
        )
        for _ in range(STEPS):
            self._now_s += self.random.uniform(0, 400)
            self.random.choice(actions)()

    def _rotate(self) -> None:
        """Another key seals; the oldest may be gone."""
        names = list(self._keys)
        self.random.shuffle(names)
        if len(names) > 1 and self.random.random() < 0.3:
            names.pop()
        self._keys = {name: _KEYS[name] for name in names}
        self.trace.append(f"keys {names}")

    def _offer(self) -> None:
        legs = tuple(
            OfferedLeg(f"M{n}", "home", self._milli(), self._milli(), n) for n in range(self.random.randint(1, 5))
        )
        stake = self.random.randint(1, 10_000)
        struck, now = [leg.struck for leg in legs], [leg.milli for leg in legs]
        margin_bp = self.random.randint(0, 2_000)
        amount = worth(stake, struck, now, margin_bp=margin_bp)
        if amount > worth(stake, struck, now, margin_bp=0) or worth(stake, struck, struck, margin_bp=0) != stake:
            raise Violation(f"W2: {stake} at {struck} is worth {amount} at {now} with a margin of {margin_bp}")
        offer = Offer("ann", "b1", 1, stake, amount, "USD", 0, legs)
        self._check_parts(offer)
        sealed = OfferKeys(self._keys).seal(offer)
        self._carry(sealed, offer, lambda text: OfferKeys(self._keys).open(text), MoneyRefused)

    def _check_parts(self, offer: Offer) -> None:
        left, paid = offer.open_stake, 0
        while left:
            part = self.random.randint(1, left)
            paid += part_of(offer, part)
            left -= part
        if paid > offer.amount or part_of(offer, offer.open_stake) != offer.amount:
            raise Violation(f"W2: parts of {offer} pay {paid}")

    def _receipt(self) -> None:
        claimant = Claimant("ann", "phone", "s1", "10.0.0.0/24")
        ends_s = int(self._now_s) + self.random.randint(1, 1_200)
        decision = Decision(
            id=uuid.UUID(int=self.random.getrandbits(128)),
            account=claimant.account,
            device=claimant.device,
            session=claimant.session,
            network=claimant.network,
            jurisdiction="US-NJ",
            fix_s=int(self._now_s),
            expires_s=ends_s,
            token_hash=bytes(32),
            lat=40.0,
            lon=-74.0,
            accuracy_m=20.0,
            border_m=5_000.0,
            boundaries="v1",
            rules="r1",
        )
        sealed = ReceiptKeys(self._keys).seal(decision)
        opened = self._carry(sealed, decision, lambda text: ReceiptKeys(self._keys).open(text), GeoRefused)
        if opened is None:
            return
        at_s = self._now_s + self.random.uniform(0, 2_000)
        strangers = {
            "device": claimant._replace(device="other"),
            "account": claimant._replace(account="bob"),
            "session": claimant._replace(session="s2"),
            "network": claimant._replace(network="10.0.9.0/24"),
        }
        for name, who in {"claimant": claimant, **strangers}.items():
            serves = name == "claimant" and at_s < ends_s
            if self._held(decision, who, at_s) != serves:
                raise Violation(f"W3: a receipt that ends {ends_s} at {at_s} serves its {name}: {not serves}")

    def _held(self, decision: Decision, who: Claimant, at_s: float) -> bool:
        try:
            held_by(decision, who, at_s)
        except GeoRefused:
            return False
        return True

    def _carry(self, sealed: str, said: object, open_it: Callable[[str], object], refuses: type[Exception]) -> object:
        """A word comes back, perhaps not as it was, perhaps to other keys. Gives what it opened as, None where it was
        refused."""
        carried = self._tampered(sealed)
        if self.random.random() < 0.3:
            self._rotate()
        try:
            opened = open_it(carried)
        except refuses:
            opened = None
        genuine = carried == sealed and sealed.split(".")[1] in self._keys
        if opened != (said if genuine else None):
            raise Violation(f"W1: {carried} opens as {opened}, {sealed} was {said}")
        self._carry_astray(sealed)
        return opened

    def _tampered(self, sealed: str) -> str:
        match self.random.randrange(4):
            case 0:
                place = self.random.randrange(len(sealed) - 1)  # the last character may have bits that mean nothing
                other = "A" if sealed[place] != "A" else "B"
                return sealed[:place] + other + sealed[place + 1 :]
            case 1:
                return sealed[: self.random.randrange(len(sealed))]
            case _:
                return sealed

    def _carry_astray(self, sealed: str) -> None:
        """Brought back as a word of the other kind, whatever its form says."""
        for form in ("o1", "g1"):
            astray = form + sealed[2:]
            for keys, refuses in ((OfferKeys(self._keys), MoneyRefused), (ReceiptKeys(self._keys), GeoRefused)):
                try:
                    keys.open(astray)
                except refuses:
                    continue
                if astray != sealed:
                    raise Violation(f"W1: {sealed} opens as {astray}")

    def _place(self) -> None:
        border_m, moving = self.random.uniform(0, 100_000), self.random.random() < 0.5
        try:
            life_s = lifetime_s(border_m, moving=moving)
        except GeoRefused:
            life_s = 0
            if border_m >= TRAVEL_MPS * LIFE_S_MIN:
                raise Violation(f"W4: {border_m} m is called too close, moving {moving}") from None
        if life_s > STATIC_S or (moving and life_s * TRAVEL_MPS > border_m):
            raise Violation(f"W4: {life_s} s at {border_m} m, moving {moving}")

    def _amount(self) -> None:
        currency = self.random.choice(sorted(DIGITS))
        minor, used = self.random.randint(1, 10**10), self.random.randint(0, 2 * 10**10)
        if amount_from_text(amount_text(minor, currency), currency) != minor:
            raise Violation(f"W5: {minor} of {currency} is read as something else")
        said = limit_said(
            Limit("stake", "day", currency, minor, used, pending=False, pending_amount=None, pending_at=None)
        )
        left = 0 if used >= minor else minor - used
        if said["left"] != amount_text(left, currency):
            raise Violation(f"W5: of {minor} {used} are used, {said['left']} is said to be left")
        try:
            amount_from_text(f"{amount_text(minor, currency)}.", currency)
        except Refused:
            return
        raise Violation("W5: what is no amount is read as one")

    def _milli(self) -> int:
        return self.random.choice((1_001, 1_500, 1_909, 2_000, 12_000, 101_000))
