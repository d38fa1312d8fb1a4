"""Account news between the gateway and the shards: what is told to all of them, and what one asks. Pure.

subject account.told    a list of News, in the order of each account; to every shard, nothing is stored
subject account.began   somebody who tells begins, or was away from the bus: shards ask for what they may have missed
subject account.asked   a list of Question, by one shard; one of those who tell answers with a list of Answer, which
                        may leave out some; an empty answer is no answer: ask again later

News are dense by `seq` for each account. `data` is JSON and goes to devices as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeVar

import msgspec

from feeds.contract.errors import Refused

QUESTIONS_MAX = 32
"""Of one message."""

NEWS_MAX = 100
"""News in one answer; of whom there are more the state is told instead, and devices ask for what lies between."""

DATA_BYTES_MAX = 65_536
"""Larger news are not told: devices see a hole, and ask for it."""

Account = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,32}$")]
Seq = Annotated[int, msgspec.Meta(ge=0)]


_NULL = b"null"
_NOTHING = msgspec.Raw(_NULL)


class News(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One piece of news. `ts`: when its transaction was made, Unix ms."""

    account: Account
    seq: Seq
    ts: int
    kind: Kind
    data: msgspec.Raw


class Question(msgspec.Struct, frozen=True, array_like=True):
    """What came after number `after`; None: the state."""

    account: Account
    after: Seq | None


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """All news up to `seq`, the newest; or the state as of then, made at `ts`."""

    account: Account
    seq: Seq
    ts: int
    news: tuple[News, ...] = ()
    data: msgspec.Raw = _NOTHING

    @property
    def state(self) -> bytes | None:
        """The state as JSON, where that is the answer."""
        data = bytes(self.data)
        return None if data == _NULL else data


_news = msgspec.json.Decoder(list[News])
_questions = msgspec.json.Decoder(Annotated[list[Question], msgspec.Meta(max_length=QUESTIONS_MAX)])
_answers = msgspec.json.Decoder(list[Answer])
_encoder = msgspec.json.Encoder()
_T = TypeVar("_T")


def encode(said: Iterable[News] | Iterable[Question] | Iterable[Answer]) -> bytes:
    """As JSON."""
    return _encoder.encode(list(said))


def decode_news(data: bytes) -> list[News]:
    """Raises Refused("bad_news")."""
    return _decoded(_news, data)


def decode_questions(data: bytes) -> list[Question]:
    """Raises Refused("bad_news")."""
    return _decoded(_questions, data)


def decode_answers(data: bytes) -> list[Answer]:
    """Raises Refused("bad_news")."""
    return _decoded(_answers, data)


def _decoded(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("bad_news", str(error)) from error
