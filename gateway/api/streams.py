"""The way to the stream: a ticket that says what its holder may hear, and the shard to go to."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
import orjson

from fanout.contract.tickets import EVERYTHING, TICKET_S, TOPICS_MAX, Grant, TicketKeys
from fanout.contract.topics import TOPIC_MAX_CHARS, Topic, parse_topic
from feeds.contract.errors import Refused
from gateway.access.principal import CLASSES, Principal, refusal
from gateway.api.answering import Answering, allow
from gateway.api.bodies import decoded_body
from gateway.api.edge import Exchange, Receive, Scope
from gateway.api.fleet import Fleet
from gateway.api.load import Pressure, seconds_left
from gateway.api.parameters import converted, names_of, once, query_of
from gateway.history.rows import at_time
from gateway.read.book import ReadBook

TOPICS_ASKED_MAX = 50
"""Topics for which an endpoint is asked; the shard it names takes others, too."""

_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_-]")
_ID_CHARS_MAX = 64

TopicText = Annotated[str, msgspec.Meta(min_length=1, max_length=TOPIC_MAX_CHARS)]


class TicketAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a ticket is to open: topics, with all below them; `*`, the default, is all there are."""

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


class Streams(NamedTuple):
    """What both share. `session_s`: so long a connection lasts that a ticket opened. `pressure` decides when nobody is
    sent to a shard any more."""

    keys: TicketKeys
    fleet: Fleet
    book: ReadBook
    session_s: int
    pressure: Pressure

    def check_pressure(self) -> None:
        """Raises Refused("overloaded")."""
        if self.pressure.sheds("streams"):
            raise Refused("overloaded", "")


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
        code = refusal(who, "stream")
        if who is None or code is not None:
            raise Refused(code or "unauthenticated", "")
        asked = await decoded_body(receive, TicketAsked)
        seconds_left(exchange.headers.get(b"x-request-deadline"))
        return self._minted(asked, who, int(time.time()))

    def _minted(self, asked: TicketAsked, who: Principal, now_s: int) -> bytes:
        streams = self._streams
        if not streams.keys:
            raise Refused("tickets_unavailable", "no ticket key is set here")
        topics = granted(asked.topics, who, (group.sport for group in streams.book.groups()))
        grant = Grant(account_of(who), topics, who.plan.tier_ms, now_s + streams.session_s)
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
    """The topics of a list. Raises Refused."""
    texts = [one for one in text.split(",") if one]
    if len(texts) > TOPICS_ASKED_MAX:
        raise Refused("bad_parameter", f"topics: more than {TOPICS_ASKED_MAX}")
    return [_parsed(one) for one in texts]


def granted(topics: Iterable[str], who: Principal, sports: Iterable[str]) -> tuple[str, ...]:
    """What of these topics a plan allows: where it lacks classes, each topic by the classes that it has.

    Raises Refused("bad_topic" | "not_in_plan").
    """
    if who.plan.pre_match:
        raise Refused("not_in_plan", "the stream has events in play")
    asked = dict.fromkeys(topics)
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
    """Whom a ticket is of: the account, or what names the key, spelt as accounts are."""
    return who.account or _NOT_OF_AN_ID.sub("-", who.subject)[:_ID_CHARS_MAX]


def _parsed(topic: str) -> Topic:
    """Raises Refused("bad_topic"): of an account there is nothing yet that a ticket could name."""
    try:
        return parse_topic(topic)
    except Refused as error:
        raise Refused("bad_topic", "a topic is sport[.league[.event[.market]]][:class]") from error


def _text(moment_s: int) -> str:
    return at_time(moment_s * 1_000_000).isoformat().replace("+00:00", "Z")
