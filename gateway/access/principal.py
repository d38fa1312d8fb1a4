"""Who asks: a key or a token that was verified, as every layer and route sees it. Pure; knows neither.

The access layer puts it into `scope["exchange"].principal`; None there is somebody without a credential, whom the
layer lets through only where odds are open to all. A route that needs more asks `refusal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from feeds.contract.model import MARKET_CLASSES, MarketClass

Scope = Literal["odds", "props", "history", "stream", "bets", "desk", "desk:read"]

SCOPES: dict[Scope, str] = {
    "odds": "the catalogue, boards, markets and futures",
    "props": "player props among them",
    "history": "past prices and boards",
    "stream": "tickets for the stream",
    "bets": "bets, wallet and location of the token's account",
    "desk": "the trading desk",
    "desk:read": "the trading desk, to look at; part of desk",
}
"""Every scope, and what it opens."""

_WITH: dict[Scope, Scope] = {"desk:read": "desk"}
"""A scope that another one includes."""

CLASSES: frozenset[MarketClass] = frozenset(MARKET_CLASSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was bought. None: without that limit.

    `per_day`: requests in a UTC day. `per_s`, `burst`: requests a second and at once.
    `tier_ms`: the fastest tier of the stream. `pre_match`: nothing of an event that has begun.
    """

    name: str
    per_day: int | None = None
    per_s: int | None = None
    burst: int = 1
    tier_ms: int = 0
    pre_match: bool = False
    classes: frozenset[MarketClass] = CLASSES

    @property
    def metered(self) -> bool:
        """Whether requests are counted at all."""
        return self.per_day is not None or self.per_s is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who was verified.

    `subject` names the credential in logs and counters and holds no secret: `key:ID` or `sub:ACCOUNT`. `account`
    (1 to 64 of A-Za-z0-9_-) is whose money and news these are: of a token its `sub`, of a key only if it was made so.
    `device` and `session` are what the client names in Device-Id and Session-Id, known only where money is asked for
    (gateway/api/calls.py): a location is bound to them. `minted_s`: of a token, when it was, Unix s; None of a key.
    `name`: what people call somebody who signed in at the desk; empty of others.
    """

    subject: str
    account: str | None
    scopes: frozenset[Scope]
    plan: Plan
    device: str = ""
    session: str = ""
    minted_s: int | None = field(default=None, compare=False)
    name: str = field(default="", compare=False)
    classes: frozenset[MarketClass] = field(init=False)
    restricted: bool = field(init=False)
    """Whether some read of the odds is closed to it; if not, nobody need look at what is read."""

    def __post_init__(self) -> None:
        classes = self.plan.classes if "props" in self.scopes else self.plan.classes - {"prop"}
        object.__setattr__(self, "classes", classes)
        open_ = classes == CLASSES and not self.plan.pre_match and self.scopes.issuperset(("odds", "history"))
        object.__setattr__(self, "restricted", not open_)


def refusal(principal: Principal | None, scope: Scope, *, account: bool = False) -> str | None:
    """The code of the problem, where this principal may not use a route of `scope`; with `account` also one that is
    nobody's account. For routes other than reads of the odds: nobody may use them without a credential."""
    if principal is None:
        return "unauthenticated"
    if scope not in principal.scopes and _WITH.get(scope) not in principal.scopes:
        return "insufficient_scope"
    return "no_account" if account and principal.account is None else None
