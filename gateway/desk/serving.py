"""The desk's page: the files of gateway/desk/page as they are, from memory, and what a browser may do with them.

    /desk, /desk/VIEW, /desk/VIEW/PATH    the shell, whose script shows the view
    /desk/page/FILE                       a file of the folder: .js .css .svg .json .txt .woff2

Every answer has its ETag and is asked for again before it is shown, so a new version is there at once and costs nothing
where it is none. No inline script or style, no other origin but the shards', nobody's frame (CSP level 3).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

SHELL = "index.html"
FILES = "page"
"""What stands between /desk and the name of a file."""

FILES_MAX = 500
BYTES_MAX = 16 << 20
"""Of all files together: more is a mistake, and the process does not start."""

_MEDIA = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
_VIEW = re.compile(r"[a-z][a-z-]{0,31}\Z")
_ORIGIN = re.compile(r"wss?://(\*\.)?([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:([0-9]{1,5}|\*))?\Z")
"""What may stand in the policy: nothing in it ends a source or a directive."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src {connect}; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cache-Control": "no-cache",
}


class _File(NamedTuple):
    body: bytes
    media_type: str
    etag: str


class Page:
    """The files. `streams` gives the addresses of the shards there are; `origins` are further ones."""

    def __init__(self, streams: Callable[[], Iterable[str]], origins: Iterable[str] = ()) -> None:
        self._files = _read(files("gateway.desk") / "page")
        self._streams = streams
        self._origins = tuple(origins)

    def answer(self, request: Request) -> Response | None:
        """What is at an address; None for nothing."""
        path: str = request.path_params.get("path", "")
        view, _, rest = path.partition("/")
        shown = SHELL if not path or _VIEW.match(view) else ""
        file = self._files.get(rest if view == FILES else shown)
        if file is None:
            return None
        headers = {**_HEADERS, "Content-Security-Policy": self.policy(), "ETag": file.etag}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers=headers, media_type=file.media_type)

    def policy(self) -> str:
        """The Content-Security-Policy now."""
        found = (*self._origins, *(_origin(stream) for stream in self._streams()))
        sources = dict.fromkeys(one for one in found if _ORIGIN.match(one))
        return _POLICY.format(connect=" ".join(("'self'", *sources)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _read(folder: Traversable) -> dict[str, _File]:
    """By path. Raises ValueError where there is too much."""
    found: dict[str, _File] = {}
    size = 0
    for path, file in _walked(folder, ""):
        media_type = _MEDIA.get(path.rpartition(".")[2])
        if media_type is not None:
            body = file.read_bytes()
            size += len(body)
            found[path] = _File(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
            if len(found) > FILES_MAX or size > BYTES_MAX:
                raise ValueError(f"{folder}: more than {FILES_MAX} files or {BYTES_MAX} bytes")
    return found


def _walked(folder: Traversable, before: str) -> Iterable[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walked(entry, f"{before}{entry.name}/")
        else:
            yield f"{before}{entry.name}", entry
