"""Every form of every body that is asked for, made at most once for each change, on first demand. Pure; bounded.

A page is one view with its forms: plain, gzip, zstd. Whatever changes lets go of the forms of the pages it is in; the
next who asks has them made. A page whose forms were last made a minute ago goes altogether, which also keeps its cursor
young. Beyond the limits the page whose forms were made first goes.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import Literal

import zstandard

from fanout.contract.cursor import encode_cursor
from gateway.read.book import EPOCH, EVERYTHING
from gateway.read.views import Body, Reading, View

Encoding = Literal["gzip", "zstd"]
Target = tuple[str, str]
"""Path and query as they came."""

Headers = list[tuple[str, str]]

COMPRESSED_FROM_BYTES = 1_024
"""A body up to this goes out as it is: a packet is a packet."""

LARGE_BYTES = 65_536
"""A board of 150 markets or so: a body from here on costs many times a refusal to make."""

PAGES_MAX = 65_536
TARGETS_MAX = 8
"""Spellings of one page's address that are known ahead of routing; further ones are answered, but routed."""

PAGE_AGE_MS = 60_000
PAGE_OVERHEAD_BYTES = 2_048
"""More than a page costs beside its bodies, headers included (tracemalloc, 10,000 market pages: 1.6 KB)."""

_GZIP_LEVEL = 1
_ZSTD_LEVEL = 1
_ETAG_BYTES = 9
_CACHE_CONTROL = ("cache-control", "public, max-age=1, stale-while-revalidate=5")
_VARY = ("vary", "accept-encoding")
_CONTENT_TYPE = ("content-type", "application/json")


class Form:
    """One form: what is sent for it, ready made. `not_modified` are the headers of a 304.

    The `private` ones say that only who asked may keep it; they are made when first asked for.
    """

    __slots__ = ("_private", "_private_not_modified", "data", "etag", "headers", "not_modified")

    def __init__(self, data: bytes, etag: bytes, shared: Headers, encoding: Encoding | None) -> None:
        self.data = data
        self.etag = etag
        self.not_modified: Headers = [("etag", etag.decode()), *shared]
        self.headers: Headers = [_CONTENT_TYPE, *self.not_modified]
        if encoding is not None:
            self.headers.append(("content-encoding", encoding))
        self._private: Headers | None = None
        self._private_not_modified: Headers | None = None

    @property
    def private_headers(self) -> Headers:
        """Headers of a 200 that depends on who asked."""
        made = self._private
        if made is None:
            made = self._private = _private(self.headers)
        return made

    @property
    def private_not_modified(self) -> Headers:
        """Of a 304, likewise."""
        made = self._private_not_modified
        if made is None:
            made = self._private_not_modified = _private(self.not_modified)
        return made


class Page:
    """A view with its forms. No `plain`: it is to be made. `small`: not worth compressing. `large`: what is turned away
    where there is too much to do."""

    __slots__ = ("gzip", "large", "made_ms", "plain", "shared", "size", "small", "targets", "view", "zstd")

    def __init__(self, view: View) -> None:
        self.view = view
        self.targets: list[Target] = []
        self.shared: Headers = []
        self.made_ms = 0
        self.size = 0
        self.small = True
        self.large = False
        self.plain: Form | None = None
        self.gzip: Form | None = None
        self.zstd: Form | None = None

    def has(self, encoding: Encoding | None) -> bool:
        """Whether what is wanted is made already."""
        if encoding is None or self.small or self.plain is None:
            return self.plain is not None
        return (self.gzip if encoding == "gzip" else self.zstd) is not None

    def empty(self) -> None:
        """Something changed."""
        self.plain = self.gzip = self.zstd = None


class Shelf:
    """All pages. `targets` is looked up ahead of routing. `made` and `compressed` count what was made."""

    def __init__(self, *, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.held_bytes = 0
        self.made = 0
        self.compressed = 0
        self.now_ms = 0
        self.targets: dict[Target, Page] = {}
        self._pages: dict[View, Page] = {}
        self._in: dict[str, dict[Page, None]] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def changed(self, subject: str) -> None:
        """What is in this subject is no longer as it was."""
        if subject in (EVERYTHING, EPOCH):
            for page in self._pages.values():
                self._empty(page)
            return
        for page in self._in.get(subject, ()):
            self._empty(page)

    def page(self, view: View, reading: Reading) -> Page | None:
        """The page of a view, made; None where there is nothing. Raises Refused, NotJoined."""
        page = self._pages.get(view)
        if page is None:
            page = Page(view)
        return page if page.plain is not None or self.make(page, reading) else None

    def aim(self, page: Page, target: Target) -> None:
        """From now on this target is known ahead of routing."""
        if len(page.targets) < TARGETS_MAX and target not in self.targets and page.view in self._pages:
            self.targets[target] = page
            page.targets.append(target)

    def make(self, page: Page, reading: Reading) -> bool:
        """Makes the body anew; False where there is none any more: the page is gone. Raises Refused, NotJoined."""
        body = page.view.body(reading)
        if body is None:
            self._drop(page)
            return False
        self.made += 1
        page.shared = _shared(body, reading.book.epoch)
        page.plain = Form(body.data, _etag(body), page.shared, None)
        page.small = len(body.data) <= COMPRESSED_FROM_BYTES
        page.large = len(body.data) >= LARGE_BYTES
        page.made_ms = self.now_ms
        self._put(page)
        self._grew(page, len(body.data) + PAGE_OVERHEAD_BYTES - page.size)
        return True

    def form(self, page: Page, encoding: Encoding | None) -> Form:
        """The form of a made page, compressed if that is wanted and worth it."""
        plain = page.plain
        assert plain is not None
        if encoding is None or page.small:
            return plain
        made = page.gzip if encoding == "gzip" else page.zstd
        return made or self._compress(page, plain, encoding)

    def expire(self) -> None:
        """Lets go of pages that were last made too long ago."""
        oldest = self.now_ms - PAGE_AGE_MS
        while self._pages and (page := next(iter(self._pages.values()))).made_ms < oldest:
            self._drop(page)

    def _compress(self, page: Page, plain: Form, encoding: Encoding) -> Form:
        self.compressed += 1
        etag = b'%b-%b"' % (plain.etag[:-1], encoding.encode())
        if encoding == "gzip":
            data = gzip.compress(plain.data, _GZIP_LEVEL, mtime=0)
            form = page.gzip = Form(data, etag, page.shared, encoding)
        else:
            data = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(plain.data)
            form = page.zstd = Form(data, etag, page.shared, encoding)
        self._grew(page, len(data))
        return form

    def _put(self, page: Page) -> None:
        """Behind all others: pages stand in the order in which they were last made."""
        if self._pages.pop(page.view, None) is None:
            for subject in page.view.subjects:
                self._in.setdefault(subject, {})[page] = None
        self._pages[page.view] = page

    def _grew(self, page: Page, by: int) -> None:
        if self._pages.get(page.view) is not page:
            return  # too large to be kept: sent this once
        page.size += by
        self.held_bytes += by
        while self.held_bytes > self.bytes_max or len(self._pages) > PAGES_MAX:
            self._drop(next(iter(self._pages.values())))

    def _empty(self, page: Page) -> None:
        if page.plain is not None:
            page.empty()
            self.held_bytes -= page.size - PAGE_OVERHEAD_BYTES
            page.size = PAGE_OVERHEAD_BYTES

    def _drop(self, page: Page) -> None:
        """The page alone: who holds its forms at this moment may still send them."""
        for target in page.targets:
            del self.targets[target]
        page.targets.clear()
        self.held_bytes -= page.size
        page.size = 0
        if self._pages.pop(page.view, None) is None:
            return
        for subject in page.view.subjects:
            inside = self._in[subject]
            del inside[page]
            if not inside:
                del self._in[subject]


def _private(headers: Headers) -> Headers:
    return [(name, value.replace("public", "private") if name == "cache-control" else value) for name, value in headers]


def _etag(body: Body) -> bytes:
    """The same in every process that holds the same."""
    return b'"%b"' % hashlib.blake2b(body.version or body.data, digest_size=_ETAG_BYTES).hexdigest().encode()


def _shared(body: Body, epoch: str) -> Headers:
    cursor = encode_cursor(epoch, [(lane.number, lane.book.position) for lane in body.cursor_lanes])
    headers: Headers = [("odds-cursor", cursor), _CACHE_CONTROL, _VARY]
    if body.source != "live":
        headers.append(("odds-source", body.source))
    return headers
