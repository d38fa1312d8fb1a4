"""The endpoint of an account's news, for who missed some: the same that the stream tells. It translates."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from fanout.contract.news import News
from feeds.contract.errors import Refused
from gateway.api.calls import Asking, Endpoint, Said, there
from gateway.api.money_schemas import SEQ_MAX
from gateway.news.tables import NewsTables
from gateway.read.paging import make_token, read_token


class NewsEndpoints:
    """By the names in routes.py. `tables` gives None while there are none."""

    def __init__(self, tables: Callable[[], NewsTables | None]) -> None:
        self._tables = tables
        self.by_name: dict[str, Endpoint] = {"account_events": self._events}

    async def _events(self, asking: Asking) -> Said:
        tables = there(self._tables())
        asked, scope = asking.query, f"events {asking.account}"
        if asked.after is not None and asked.page_token is not None:
            raise Refused("contradictory_parameters", "after and page_token: a token says it already")
        after = asked.after or 0
        if asked.page_token is not None:
            after = _number(read_token(scope, asked.page_token))
        found = await tables.events(asking.account, after=after, limit=asked.limit)
        last = found.items[-1].seq if found.items else found.newest
        token = make_token(scope, (str(last),)) if last < found.newest else None
        items = b",".join(map(_item, found.items))
        return Said(200, b'{"items":[%b],"seq":%d,"next_page_token":%b}' % (items, found.newest, orjson.dumps(token)))


def _item(news: News) -> bytes:
    return b'{"seq":%d,"ts":%d,"kind":"%b","data":%b}' % (news.seq, news.ts, news.kind.encode(), bytes(news.data))


def _number(key: tuple[str, ...]) -> int:
    """Tokens are no secret: what stands in one may be anything. Raises Refused."""
    if len(key) != 1 or not key[0].isdecimal() or len(key[0]) > len(str(SEQ_MAX)) or int(key[0]) > SEQ_MAX:
        raise Refused("bad_page_token", "page_token is not one that this list gave")
    return int(key[0])
