"""The conversations of a shard: connect, what a device says and is answered, and every way a conversation ends.

Pure: values and `now_ms` in, frames out by the outlet; it never awaits and reads no clock. Where a device then is, in
a walk or in its cohort, is placement.py's; what a frame looks like on the socket is the shells' (ws.py, sse.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from fanout.accounts import Accounts
from fanout.board import Board
from fanout.catchup import NOTHING, Walk, Why, holding
from fanout.contract import closing, messages
from fanout.contract.closing import Close, ErrorCode
from fanout.contract.cursor import decode_cursor
from fanout.contract.messages import ClientIn, OpId, Ping, Subscribe, Unsubscribe
from fanout.contract.tickets import Grant
from fanout.contract.topics import ACCOUNT, Topic, parse_topic
from fanout.device import Device, Request
from fanout.peers import Peers
from fanout.placement import Placement
from fanout.ports import Outlet
from fanout.settings import FanoutSettings
from feeds.contract.errors import Refused

SLICE = 500
"""Devices told or closed at once: about 5 ms."""


class Sessions:
    """The devices of one shard and their conversations."""

    def __init__(
        self, settings: FanoutSettings, board: Board, placement: Placement, peers: Peers, accounts: Accounts
    ) -> None:
        self.devices: dict[Device, None] = {}
        self.closed: dict[int, int] = {}
        self.draining = False
        self._settings = settings
        self._board = board
        self._placement = placement
        self._peers = peers
        self._accounts = accounts
        self._connected = 0
        self._waiting: dict[Device, None] = {}
        self._silent: dict[Device, None] = {}
        self._ending: dict[int, dict[Device, None]] = {}
        self._by_name: dict[str, dict[Device, None]] = {}
        self._surplus: dict[Device, None] = {}

    def connect(self, outlet: Outlet, now_ms: int, grant: Grant | None = None) -> Device:
        """A device is there; it is welcomed and has `speak_s` to subscribe. It may hear what its ticket grants."""
        settings = self._settings
        self._connected += 1
        device = Device(self._connected, outlet, now_ms=now_ms, tokens=2.0 * settings.ops_per_s, grant=grant)
        if grant is not None:
            self._begin_grant(device, grant)
        self.devices[device] = None
        self._silent[device] = None
        device.send(
            messages.welcome(
                session=self._session(device),
                shard=settings.name,
                hb_ms=settings.hb_ms,
                tiers_ms=settings.tiers_ms,
                limits={
                    "topics": settings.topics,
                    "message_bytes": settings.message_bytes,
                    "ops_per_s": settings.ops_per_s,
                },
            )
        )
        return device

    def disconnect(self, device: Device, now_ms: int) -> None:
        """The connection is over, by whomever. Twice is once."""
        if device in self.devices:
            del self.devices[device]
            self._waiting.pop(device, None)
            self._silent.pop(device, None)
            if device.grant is not None:
                self._end_grant(device, device.grant)
                self._accounts.leave(device)
            self._placement.leave(device, now_ms)

    def close(self, device: Device, close: Close, now_ms: int) -> None:
        """Ends the connection and says why."""
        if device in self.devices:
            self.closed[close.code] = self.closed.get(close.code, 0) + 1
            self.disconnect(device, now_ms)
            device.outlet.close(close)

    def receive(self, device: Device, text: bytes, now_ms: int) -> None:
        """One message of a device: each is answered, in order."""
        if not device.spend_token(now_ms, per_s=self._settings.ops_per_s):
            device.send(messages.error("ops_limit", "too many messages", op=messages.op_id(text)))
            return
        try:
            said = messages.decode_client(text)
        except Refused as refusal:
            _answer_refusal(device, refusal, messages.op_id(text))
            return
        self.handle(device, said, now_ms)

    def handle(self, device: Device, said: ClientIn, now_ms: int) -> None:
        """What a device said, understood."""
        if isinstance(said, Ping):
            device.send(messages.pong(said.id, now_ms))
            return
        request = self._understand(device, said)
        if request is None:
            return
        self._silent.pop(device, None)
        if device.waiting or not self._ready(request):
            self._wait(device, request, now_ms)
        else:
            self._serve(device, request, now_ms)

    def retry_waiting(self, now_ms: int) -> None:
        """The log moved: serves those whose requests it has reached."""
        for device in tuple(self._waiting):
            waiting = device.waiting
            while waiting and self._ready(waiting[0]):
                self._serve(device, waiting.popleft(), now_ms)
                device.waiting_ms = now_ms
            if not waiting:
                device.waiting = None
                self._waiting.pop(device, None)

    def waited_lanes(self) -> frozenset[int]:
        """The lanes that waiting requests need."""
        return frozenset(lane for device in self._waiting for lane in self._lanes_waited_for(device))

    def sweep(self, now_ms: int) -> None:
        """Closes those who said nothing, who do not drain, who waited too long, who have lived long enough."""
        settings = self._settings
        for device in _older(self._silent, now_ms - settings.speak_s * 1000):
            self.close(device, closing.SILENT, now_ms)
        for device in tuple(self._placement.full):
            if device.blocked_ms is not None and now_ms - device.blocked_ms >= settings.slow_close_ms:
                self.close(device, closing.TOO_SLOW, now_ms)
        for device in tuple(self._waiting):
            if now_ms - device.waiting_ms >= self._patience_ms(device):
                self.send_away(device, now_ms)
        self._sweep_grants(now_ms)
        lifetime_ms = settings.session_s * 1000
        for device in _older(self.devices, now_ms - 0.9 * lifetime_ms):
            if now_ms - device.opened_ms >= lifetime_ms * (1 - device.number % 101 / 1010):
                self.close(device, closing.LIFETIME, now_ms)

    def _sweep_grants(self, now_ms: int) -> None:
        """Closes those whose account has too many sockets here, and those whose tickets grant nothing any more."""
        for device in tuple(self._surplus):
            self.close(device, closing.TOO_MANY, now_ms)
        for end_s in [end_s for end_s in self._ending if end_s * 1000 <= now_ms]:
            for device in tuple(self._ending[end_s]):
                self.close(device, closing.NOT_ENTITLED, now_ms)

    def revoke(self, account: str, at_s: int, now_ms: int) -> None:
        """What was minted for this account, or by this key, up to then is worth nothing: 4003 to whoever came by it."""
        for device in tuple(self._by_name.get(account, ())):
            if device.grant is not None and device.grant.minted_s <= at_s:
                self.close(device, closing.NOT_ENTITLED, now_ms)

    def ticketed(self) -> list[Device]:
        """Those who came by a ticket."""
        return [device for devices in self._ending.values() for device in devices]

    def send_away(self, device: Device, now_ms: int) -> None:
        """Closes 4010, naming another shard where there is one."""
        if device in self.devices:
            device.send(messages.drain(after_ms=0, deadline_ms=0, url=self._peer(device)))
            self.close(device, closing.DRAINED, now_ms)

    def drain(self, *, window_ms: int, deadline_ms: int) -> Iterator[None]:
        """Tells every device to move, each at its own moment within the window; until then it is served.

        Yields after every `SLICE` of devices: whoever drives this lets others have a turn there.
        """
        self.draining = True
        told = tuple(self.devices)
        for rank, device in enumerate(told):
            if device in self.devices:
                after_ms = window_ms * rank // len(told)
                device.send(messages.drain(after_ms=after_ms, deadline_ms=deadline_ms, url=self._peer(device)))
            if rank % SLICE == SLICE - 1:
                yield

    def close_all(self, now_ms: int) -> Iterator[None]:
        """The end: 4010 to everyone who is still here. Yields after every `SLICE` of devices."""
        for rank, device in enumerate(tuple(self.devices)):
            self.close(device, closing.DRAINED, now_ms)
            if rank % SLICE == SLICE - 1:
                yield

    def _understand(self, device: Device, said: Subscribe | Unsubscribe) -> Request | None:
        """The request, or None where it was refused: all of it, naming the topic that is wrong."""
        if isinstance(said, Unsubscribe):
            return Request(said, (), None)
        if said.conflate_ms is not None and said.conflate_ms < 0:
            _answer_refusal(device, Refused("bad_op", "conflate_ms is not negative"), said.id)
            return None
        topics: list[Topic] = []
        for text in dict.fromkeys(said.topics):
            try:
                topic = check_topic(text, device.grant, public=self._settings.public_topics)
            except Refused as refusal:
                _answer_refusal(device, refusal, said.id, topic=text[:256])
                return None
            if topic is not None:
                topics.append(topic)
        held = set() if device.cohort is None else set(device.cohort.texts)
        waiting = {topic.text for request in device.waiting or () for topic in request.topics}
        limit = self._settings.topics
        if len(held | waiting | set(said.topics)) > limit:
            _answer_refusal(device, Refused("topic_limit", f"a connection has at most {limit} topics"), said.id)
            return None
        cursor = None if said.cursor is None else decode_cursor(said.cursor)
        return Request(said, tuple(topics), cursor, ACCOUNT in said.topics)

    def _ready(self, request: Request) -> bool:
        """Whether the lanes are joined and read up to the cursor. A shard never answers from the past."""
        board, cursor = self._board, request.cursor
        for lane in board.lanes_of(request.topics):
            if not board.lanes[lane].joined:
                return False
            if cursor is None or cursor.epoch != board.epoch:
                continue
            if board.lanes[lane].book.position < cursor.positions.get(lane, 0):
                return False
        return True

    def _wait(self, device: Device, request: Request, now_ms: int) -> None:
        if device.waiting is None:
            device.waiting = deque()
            device.waiting_ms = now_ms
            self._waiting[device] = None
        if len(device.waiting) >= self._settings.waiting_ops:
            device.send(messages.error("ops_limit", "too many requests wait for the log", op=request.said.id))
            return
        device.waiting.append(request)

    def _lanes_waited_for(self, device: Device) -> frozenset[int]:
        return self._board.lanes_of(topic for request in device.waiting or () for topic in request.topics)

    def _patience_ms(self, device: Device) -> int:
        joined = all(self._board.lanes[lane].joined for lane in self._lanes_waited_for(device))
        return self._settings.behind_ms if joined else self._settings.joining_ms

    def _serve(self, device: Device, request: Request, now_ms: int) -> None:
        if isinstance(request.said, Subscribe):
            self._subscribe(device, request.said, request, now_ms)
        else:
            self._unsubscribe(device, request.said, now_ms)

    def _subscribe(self, device: Device, said: Subscribe, request: Request, now_ms: int) -> None:
        if said.conflate_ms is None and device.cohort is not None:
            tier_ms = self._placement.tier_ms(device.cohort)
        else:
            tier_ms = self._tier_for(said.conflate_ms, device.grant)
        walk = self._placement.walk_of(device, _why(request))
        answers: dict[str, str] = {}
        why: dict[str, str] = {}
        for topic in request.topics:
            reason = self._uncovered(topic, said, request)
            if reason is None and said.cursor is not None and _forgot(device, walk, topic):
                reason = "epoch_changed"
            if request.cursor is not None and reason is None:
                walk.hold(topic, holding(request.cursor.positions))
                answers[topic.text] = "delta" if walk.changed(topic) else "current"
            else:
                walk.hold(topic, NOTHING)
                answers[topic.text] = "image"
                if reason is not None:
                    why[topic.text] = reason
            walk.answers[topic.text] = None
        if request.account:
            answers[ACCOUNT] = "image"
        self._placement.retarget(device, walk, tier_ms, now_ms)
        device.send(
            messages.subscribed(
                op=said.id,
                epoch=self._board.epoch,
                tier_ms=tier_ms,
                topics=answers,
                why=why,
            )
        )
        if request.account:
            self._accounts.join(device, now_ms)
        self._placement.step(device, now_ms)

    def _tier_for(self, conflate_ms: int | None, grant: Grant | None) -> int:
        """The next slower tier that is offered and allowed."""
        tier_ms = self._settings.tier_for(conflate_ms)
        return tier_ms if grant is None else self._settings.tier_for(max(tier_ms, grant.tier_ms))

    def _begin_grant(self, device: Device, grant: Grant) -> None:
        self._ending.setdefault(grant.session_exp, {})[device] = None
        for name in grant.names:
            self._by_name.setdefault(name, {})[device] = None
        if len(self._by_name[grant.account]) > self._settings.sockets_per_account:
            self._surplus[device] = None

    def _end_grant(self, device: Device, grant: Grant) -> None:
        ending = self._ending[grant.session_exp]
        del ending[device]
        if not ending:
            del self._ending[grant.session_exp]
        for name in grant.names:
            own = self._by_name[name]
            del own[device]
            if not own:
                del self._by_name[name]
        self._surplus.pop(device, None)

    def _uncovered(self, topic: Topic, said: Subscribe, request: Request) -> str | None:
        """Why a cursor that was given does not help this topic, or None."""
        if said.cursor is None:
            return None
        cursor = request.cursor
        if cursor is None:
            return "bad_cursor"
        if cursor.epoch != self._board.epoch:
            return "epoch_changed"
        for lane in self._board.lanes_of((topic,)):
            position = cursor.positions.get(lane)
            if position is None or position < self._board.lanes[lane].book.floor - 1:
                return "not_covered"
        return None

    def _unsubscribe(self, device: Device, said: Unsubscribe, now_ms: int) -> None:
        device.send(messages.unsubscribed(said.id, said.topics))
        if ACCOUNT in said.topics:
            self._accounts.leave(device)
        cohort = device.cohort
        dropped = set(said.topics)
        if cohort is None or dropped.isdisjoint(cohort.texts):
            return
        walk = self._placement.walk_of(device, "topics")
        for topic in cohort.topics:
            if topic.text in dropped:
                walk.drop(topic)
        self._placement.retarget(device, walk, self._placement.tier_ms(cohort), now_ms)
        self._placement.step(device, now_ms)

    def _peer(self, device: Device) -> str | None:
        lanes = frozenset(device.cohort.lanes) if device.cohort is not None else frozenset[int]()
        return self._peers.url_for(self._session(device), lanes)

    def _session(self, device: Device) -> str:
        return f"{self._settings.name}-{device.number:x}"


def check_topic(text: str, grant: Grant | None, *, public: bool) -> Topic | None:
    """The topic, if a device may hear it; None for its account. Odds are open to all where they are `public`.

    Raises Refused("bad_topic" | "unauthenticated" | "not_entitled").
    """
    if text == ACCOUNT:
        if grant is None:
            raise Refused("unauthenticated", "the account topic needs a ticket")
        if not grant.private:
            raise Refused("not_entitled", "the ticket does not cover the account")
        return None
    topic = parse_topic(text)
    if not public and grant is not None and not grant.allows(topic):
        raise Refused("not_entitled", "the ticket does not cover this topic")
    return topic


def _forgot(device: Device, walk: Walk, topic: Topic) -> bool:
    """Whether the device may have forgotten this topic after it said that it holds it: it was told meanwhile that the
    log was lost, which makes it forget everything, and the new log's cursor it names may be from before."""
    held = device.cohort is not None and topic in device.cohort.topics
    return device.forgot and (walk.anew or not held)


def _why(request: Request) -> Why:
    if request.cursor is not None:
        return "resume"
    return "topics" if request.topics else "tier"


def _answer_refusal(device: Device, refusal: Refused, op: OpId | None, topic: str | None = None) -> None:
    code: ErrorCode = refusal.code  # type: ignore[assignment]
    device.send(messages.error(code, str(refusal), op=op, topic=topic))


def _older(devices: Iterable[Device], opened_ms: float) -> Sequence[Device]:
    """Of devices in order of connecting: those that were there at `opened_ms`."""
    older: list[Device] = []
    for device in devices:
        if device.opened_ms > opened_ms:
            break
        older.append(device)
    return older
