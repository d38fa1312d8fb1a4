"""A small OIDC issuer of our own: discovery, keys, an authorization endpoint that lets in whom it is told, a token
endpoint that wants the code once, from the same client, with the verifier of the challenge."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.gateway.access.issuing import Signer
from tests.tcp import listening

CLIENT_ID = "oddswire-desk"
CLIENT_SECRET = "s3cret-of-the-client"


class Issuer:
    """`user`: the claims of who signs in next; None refuses. `spoil` changes the ID token's claims, which
    `signer` signs."""

    def __init__(self) -> None:
        self.url = ""
        self.user: dict[str, Any] | None = {"sub": "jo", "name": "Jo Doe", "roles": ["oddswire-trader"]}
        self.spoil: dict[str, Any] = {}
        self.signer = self.known = Signer("k1")
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = urlsplit(head.split(" ", 2)[1])
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if ":" in line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.asked.append(target.path)
        status, more, said = self._said(target.path, dict(parse_qsl(target.query)), headers, body)
        content = json.dumps(said).encode()
        writer.write(
            f"HTTP/1.1 {status}\r\nConnection: close\r\n{more}Content-Length: {len(content)}\r\n\r\n".encode() + content
        )
        await writer.drain()
        writer.close()

    def _said(
        self, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> tuple[str, str, dict[str, Any]]:
        match path:
            case "/.well-known/openid-configuration":
                ends = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
                return "200 OK", "", {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **ends}
            case "/jwks":
                return "200 OK", "", {"keys": [self.known.jwk]}
            case "/authorization_endpoint":
                return "303 See Other", f"Location: {self._back(query)}\r\n", {}
            case "/token_endpoint":
                return self._token(dict(parse_qsl(body.decode())), headers)
        return "404 Not Found", "", {}

    def _back(self, query: dict[str, str]) -> str:
        assert (query["client_id"], query["response_type"]) == (CLIENT_ID, "code")
        assert query["code_challenge_method"] == "S256"
        if self.user is None:
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': query['state']})}"
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _token(self, form: dict[str, str], headers: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        asked = self._codes.pop(form["code"], None)
        credential = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or headers.get("authorization") != f"Basic {credential}"
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return "400 Bad Request", "", {"error": "invalid_grant"}
        now_s = int(time.time())
        told = {"iss": self.url, "aud": CLIENT_ID, "iat": now_s, "exp": now_s + 300, "nonce": asked["nonce"]}
        claims = {**told, **(self.user or {}), **self.spoil}
        return "200 OK", "", {"id_token": self.signer.token(claims).decode(), "token_type": "Bearer"}


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """On a port of its own."""
    issuer = Issuer()
    async with listening(issuer.answer) as port:
        issuer.url = f"http://127.0.0.1:{port}"
        yield issuer
