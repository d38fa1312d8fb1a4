"""The way to the stream: a ticket that says what its holder may hear, and the shard to go to."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, NamedTuple

import msgspec
import orjson

from fanout.contract.revocation import KEY
from fanout.contract.tickets import EVERYTHING, TICKET_S, TOPICS_MAX, Grant, TicketKeys
from fanout.contract.topics import ACCOUNT, TOPIC_MAX_CHARS, Topic, parse_topic
from feeds.contract.errors import Refused
from gateway.access.principal import CLASSES, Principal, refusal
from gateway.api.answering import Answering, allow
from gateway.api.bodies import decoded_body
from gateway.api.edge import Exchange, Receive, Scope
from gateway.api.fleet import Fleet
from gateway.api.load import Pressure, seconds_left
from gateway.api.parameters import converted, names_of, once, query_of
from gateway.history.rows import at_time
from gateway.money.refusals import refused
from gateway.read.book import ReadBook

TOPICS_ASKED_MAX = 50
"""Topics for which an endpoint is asked; the shard it names takes others, too."""

_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_-]")
_ID_CHARS_MAX = 64

Excluded = Callable[[str], Awaitable[Mapping[str, object] | None]]

TopicText = Annotated[str, msgspec.Meta(min_length=1, max_length=TOPIC_MAX_CHARS)]


class TicketAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a ticket is to open: topics, with all below them; `*`, the default, is all odds there are. `account`, which
    needs the scope bets and an account, is the news of that account."""

    topics: Annotated[tuple[TopicText, ...], msgspec.Meta(min_length=1, max_length=TOPICS_MAX)] = (EVERYTHING,)


class EndpointAsked(msgspec.Struct, frozen=True):
    """The shard to connect to: the same one for the same device while the fleet stays as it is, likelier one with room,
    and one that reads these topics already. `device`: what tells devices of one account or address apart."""

    topics: Annotated[
        str,
        msgspec.Meta(
            max_length=TOPICS_ASKED_MAX * (TOPIC_MAX_CHARS + 1),
            description="comma separated",
            examples=["football.nfl"],
        ),
    ] = ""
    device: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None


async def nobody(account: str) -> Mapping[str, object] | None:
    """Where there is no money nobody is excluded."""
    del account
    return None


class Streams(NamedTuple):
    """What both share. `session_s`: so long a connection lasts that a ticket opened. `pressure` decides when nobody is
    sent to a shard any more. `excluded`: what a refusal says of an account that is excluded, None of any other."""

    keys: TicketKeys
    fleet: Fleet
    book: ReadBook
    session_s: int
    pressure: Pressure
    excluded: Excluded = nobody

    def check_pressure(self) -> None:
        """Raises Refused("overloaded")."""
        if self.pressure.sheds("streams"):
            raise Refused("overloaded", "")

    async def refuse_excluded(self, who: Principal | None) -> None:
        """Raises MoneyRefused("excluded" | "account_closed")."""
        if who is None or who.account is None:
            return
        more = await self.excluded(who.account)
        if more is not None:
            raise refused("excluded", more)


class TicketRoute(Answering):
    """POST /v1/stream/tickets."""

    status = 201

    def __init__(self, streams: Streams, name: str) -> None:
        super().__init__(name)
        self._streams = streams

    async def body(self, scope: Scope, receive: Receive, exchange: Exchange) -> bytes:
        """See Answering."""
        del scope
        self._streams.check_pressure()
        who = exchange.principal
        if who is None:
            raise Refused("unauthenticated", "")
        asked = await decoded_body(receive, TicketAsked)
        seconds_left(exchange.headers.get(b"x-request-deadline"))
        now_s = int(time.time())  # before it is asked: an exclusion that comes meanwhile takes the ticket back
        await self._streams.refuse_excluded(who)
        return self._minted(asked, who, now_s)

    def _minted(self, asked: TicketAsked, who: Principal, now_s: int) -> bytes:
        streams = self._streams
        if not streams.keys:
            raise Refused("tickets_unavailable", "no ticket key is set here")
        topics = granted(asked.topics, who, (group.sport for group in streams.book.groups()))
        grant = Grant(
            account_of(who), topics, who.plan.tier_ms, now_s + streams.session_s, minted_s=since_of(who), by=by_of(who)
        )
        said = {
            "ticket": streams.keys.mint(grant, now_s),
            "expires_at": _text(min(now_s + TICKET_S, grant.session_exp)),
            "session_expires_at": _text(grant.session_exp),
            "topics": topics,
            "conflate_ms": grant.tier_ms,
        }
        return orjson.dumps(said)


class EndpointRoute(Answering):
    """GET /v1/stream/endpoint."""

    def __init__(self, streams: Streams, name: str) -> None:
        super().__init__(name)
        self._streams = streams
        self._known = names_of(EndpointAsked)

    async def body(self, scope: Scope, receive: Receive, exchange: Exchange) -> bytes:
        """See Answering."""
        del receive
        self._streams.check_pressure()
        who = exchange.principal
        allow(who, "stream")
        await self._streams.refuse_excluded(who)
        asked = converted(once(query_of(scope["query_string"]), self._known), EndpointAsked)
        seconds_left(exchange.headers.get(b"x-request-deadline"))
        client = scope.get("client")
        by = who.subject if who is not None else client[0] if client else ""
        shards = self._streams.fleet.shards_for(f"{by} {asked.device or ''}", topics_of(asked.topics))
        if not shards:
            raise Refused("no_shard", "")
        first, *others = [{"shard": shard.name, "url": shard.url} for shard in shards]
        return orjson.dumps({**first, "alternates": others})


def topics_of(text: str) -> list[Topic]:
    """The topics of a list. Every shard tells every account. Raises Refused."""
    texts = [one for one in text.split(",") if one and one != ACCOUNT]
    if len(texts) > TOPICS_ASKED_MAX:
        raise Refused("bad_parameter", f"topics: more than {TOPICS_ASKED_MAX}")
    return [_parsed(one) for one in texts]


def granted(topics: Iterable[str], who: Principal, sports: Iterable[str]) -> tuple[str, ...]:
    """What of these topics somebody may hear. Of odds what the plan allows: where it lacks classes, each topic by the
    classes that it has. The account's news belong to no plan.

    Raises Refused("bad_topic" | "not_in_plan" | "insufficient_scope" | "no_account").
    """
    asked = dict.fromkeys(topics)
    private = (ACCOUNT,) if ACCOUNT in asked else ()
    if private and (code := refusal(who, "bets", account=True)) is not None:
        raise Refused(code, "")
    asked.pop(ACCOUNT, None)
    return (*(_granted_odds(asked, who, sports) if asked else ()), *private)


def _granted_odds(asked: Mapping[str, None], who: Principal, sports: Iterable[str]) -> tuple[str, ...]:
    if (code := refusal(who, "stream")) is not None:
        raise Refused(code, "")
    if who.plan.pre_match:
        raise Refused("not_in_plan", "the stream has events in play")
    for topic in asked:
        if topic != EVERYTHING:
            _parsed(topic)
    if who.classes == CLASSES:
        return tuple(asked)
    whole = sorted(set(sports)) if EVERYTHING in asked else []
    allowed: dict[str, None] = {}
    for topic in (*(one for one in asked if one != EVERYTHING), *whole):
        path, _, cls = topic.partition(":")
        for one in (cls,) if cls else sorted(who.classes):
            if one in who.classes:
                allowed[f"{path}:{one}"] = None
    if not allowed or len(allowed) > TOPICS_MAX:
        raise Refused("not_in_plan", f"a ticket has up to {TOPICS_MAX} topics, of the plan's classes")
    return tuple(allowed)


def account_of(who: Principal) -> str:
    """Whom a ticket is of: the account, or what names the key, spelt as accounts are. With such a name it opens no
    account's news: `granted` sees to that."""
    return who.account or _NOT_OF_AN_ID.sub("-", who.subject)[:_ID_CHARS_MAX]


def by_of(who: Principal) -> str:
    """The key that buys a ticket, as its revocation names it; empty of a token."""
    kind, _, name = who.subject.partition(":")
    return f"{KEY}{_NOT_OF_AN_ID.sub('-', name)[:_ID_CHARS_MAX]}" if kind == "key" else ""


def since_of(who: Principal) -> int:
    """When the credential was minted, where that is known: a revocation of the account ends what it buys later, too.
    A token that does not say it is as old as can be."""
    return 0 if who.minted_s is None else max(who.minted_s, 1)


def _parsed(topic: str) -> Topic:
    """Raises Refused("bad_topic")."""
    try:
        return parse_topic(topic)
    except Refused as error:
        raise Refused("bad_topic", "a topic is sport[.league[.event[.market]]][:class]") from error


def _text(moment_s: int) -> str:
    return at_time(moment_s * 1_000_000).isoformat().replace("+00:00", "Z")
