"""An OIDC issuer of our own: key pairs of every kind, tokens of every kind, and a server that publishes the keys."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.tcp import listening

AUDIENCE = "https://odds.example"

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_OF = {"RS": jwt.algorithms.RSAAlgorithm, "PS": jwt.algorithms.RSAAlgorithm, "ES": jwt.algorithms.ECAlgorithm}


class Signer:
    """One key pair. `jwk` is its public half."""

    def __init__(self, kid: str, algorithm: str = "ES256", key: Private | None = None) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.key: Private = key or _generated(algorithm)
        kind: Any = _OF.get(algorithm[:2], jwt.algorithms.OKPAlgorithm)
        self.jwk: dict[str, Any] = kind.to_jwk(self.key.public_key(), as_dict=True)
        self.jwk |= {"kid": kid, "use": "sig"}

    def token(self, claims: dict[str, Any], **header: Any) -> bytes:
        """A token with exactly these claims."""
        headers = {name: value for name, value in {"kid": self.kid, **header}.items() if value is not None}
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers=headers).encode()

    @property
    def pem(self) -> bytes:
        """The public key, as an HMAC's secret in the attack of that name."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims(issuer: str, **changed: Any) -> dict[str, Any]:
    """Of a good token; None takes one away."""
    now_s = int(time.time())
    said = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "account-1",
        "scope": "odds props history",
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + 600,
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def by_hand(header: dict[str, Any], payload: dict[str, Any], secret: bytes | None = None) -> bytes:
    """A token that no library would make. `secret`: signed by HMAC-SHA-256; None: not signed."""
    signed = b".".join(_b64(json.dumps(part).encode()) for part in (header, payload))
    return signed + b"." + (b"" if secret is None else _b64(hmac.new(secret, signed, hashlib.sha256).digest()))


class IssuerServer:
    """What it publishes is `documents`, by path: JSON, or bytes as they are; with a status other than 200 before it."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        self.url = ""

    def publish(self, *signers: Signer) -> None:
        """The keys of these."""
        self.documents["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}
        self.documents["/jwks"] = {"keys": [signer.jwk for signer in signers]}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        self.asked.append(path)
        said = self.documents.get(path)
        status = b"404 Not Found" if said is None else b"200 OK"
        extra = b""
        if isinstance(said, tuple):
            status, extra, said = said
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        writer.write(b"HTTP/1.1 %b\r\nConnection: close\r\n%bContent-Length: %d\r\n\r\n" % (status, extra, len(body)))
        writer.write(body)
        try:
            await writer.drain()
        except ConnectionError:
            pass  # who asked has had enough
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[IssuerServer]:
    """On a port of its own."""
    issuer = IssuerServer()
    async with listening(issuer.answer) as port:
        issuer.url = f"http://127.0.0.1:{port}"
        yield issuer


def _generated(algorithm: str) -> Private:
    match algorithm:
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(65_537, 2_048)


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
