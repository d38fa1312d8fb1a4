"""An issuer's keys: fetched from one address, kept, rotated, and what happens while it is away or mad."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from feeds.contract.errors import Refused
from gateway.access.issuers import DISCOVERY, DOCUMENT_BYTES_MAX, Issuer, IssuerUnavailable
from gateway.access.plans import PLANS
from gateway.access.tokens import Rules
from gateway.access.verifier import Unverifiable, Verifier
from tests.gateway.access.issuing import AUDIENCE, IssuerServer, Signer, claims, serving

OLD, NEW = Signer("old"), Signer("new")


@asynccontextmanager
async def verifying(*, stale_s: float = 300, cooldown_s: float = 0, jwks: str = "") -> AsyncIterator[Any]:
    """A verifier of one issuer's tokens, and the issuer, which publishes OLD."""
    async with serving() as server:
        server.publish(OLD)
        rules = Rules(server.url, AUDIENCE, frozenset(("ES256",)), PLANS["unlimited"])
        changes: list[None] = []
        issuer = Issuer(
            rules,
            jwks_url=jwks and server.url + jwks,
            stale_s=stale_s,
            changed=lambda: changes.append(verifier.keys_changed()),  # type: ignore[func-returns-value]
            cooldown_s=cooldown_s,
        )
        verifier = Verifier(store=None, issuers=[issuer], outage_s=stale_s, poll_s=1)
        yield verifier, server, issuer


async def ask(verifier: Verifier, server: IssuerServer, signer: Signer, **changed: Any) -> str:
    """Whose token it is."""
    token = signer.token(claims(server.url, **changed))
    return (await verifier.token(token, token[-32:])).principal.subject


async def test_keys_are_found_by_discovery_fetched_once_and_kept() -> None:
    async with verifying() as (verifier, server, _):
        subjects = await asyncio.gather(*(ask(verifier, server, OLD, sub=f"a{n}") for n in range(20)))
        assert subjects == [f"sub:a{n}" for n in range(20)]
        assert server.asked == [DISCOVERY, "/jwks"]


async def test_keys_at_an_address_of_their_own_need_no_discovery() -> None:
    async with verifying(jwks="/jwks") as (verifier, server, _):
        assert await ask(verifier, server, OLD) == "sub:account-1"
        assert server.asked == ["/jwks"]


async def test_a_token_by_a_new_key_has_the_keys_fetched_anew() -> None:
    async with verifying() as (verifier, server, _):
        await ask(verifier, server, OLD)
        assert len(verifier.tokens) == 1
        server.publish(OLD, NEW)
        await ask(verifier, server, NEW)
        assert len(verifier.tokens) == 2, "the old key still stands"
        server.publish(NEW)
        with pytest.raises(Refused, match="not one of its issuer"):
            await ask(verifier, server, Signer("third"))
        assert len(verifier.tokens) == 0, "what a key that was taken away has signed goes on no longer"
        with pytest.raises(Refused, match="not one of its issuer"):
            await ask(verifier, server, OLD)


async def test_unknown_keys_cannot_make_it_ask_more_often_than_is_allowed() -> None:
    async with verifying(cooldown_s=3_600) as (verifier, server, _):
        await ask(verifier, server, OLD)
        asked = len(server.asked)
        server.publish(OLD, NEW)
        for n in range(50):
            with pytest.raises(Refused, match="not one of its issuer"):
                await ask(verifier, server, Signer(f"k{n}", "ES256", NEW.key))
        assert len(server.asked) == asked


async def test_before_the_first_answer_nobody_can_be_told_and_nobody_is_called_bad() -> None:
    async with verifying() as (verifier, server, _):
        server.documents.clear()
        with pytest.raises(Unverifiable):
            await ask(verifier, server, OLD)
        server.publish(OLD)
        assert await ask(verifier, server, OLD) == "sub:account-1"


async def test_while_it_is_away_its_keys_go_on_for_a_while() -> None:
    async with verifying() as (verifier, server, issuer):
        await ask(verifier, server, OLD)
        server.documents.clear()
        assert await ask(verifier, server, OLD, sub="another") == "sub:another"
        with pytest.raises(Unverifiable):
            await ask(verifier, server, NEW)
        issuer._stale_s = -1
        with pytest.raises(IssuerUnavailable):
            await issuer.keys()


async def test_keys_are_fetched_anew_before_they_are_stale() -> None:
    async with verifying(stale_s=30) as (verifier, server, issuer):
        issuer._stale_s = 0.03
        running = asyncio.ensure_future(issuer.run())
        async with asyncio.timeout(30):
            while server.asked.count("/jwks") < 3:  # noqa: ASYNC110 the server counts, nobody is told
                await asyncio.sleep(0.01)
        issuer._stale_s = 30
        assert await ask(verifier, server, OLD) == "sub:account-1"
        running.cancel()
        await asyncio.wait((running,))


OTHER = b"Location: http://127.0.0.1:9/jwks\r\n"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        (DISCOVERY, {"issuer": "https://other.example", "jwks_uri": "/jwks"}),
        (DISCOVERY, {"issuer": "{url}", "jwks_uri": "http://127.0.0.1:9/jwks"}),
        (DISCOVERY, {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"}),
        (DISCOVERY, {"issuer": "{url}"}),
        (DISCOVERY, []),
        ("/jwks", b"not json"),
        ("/jwks", b'{"keys":[' + b" " * DOCUMENT_BYTES_MAX + b"]}"),
        ("/jwks", b"[" * 10_000),
        ("/jwks", {"keys": "all"}),
        ("/jwks", (b"302 Found", OTHER, b"")),
        ("/jwks", (b"500 Oh", b"", b"")),
    ],
)
async def test_an_issuer_that_answers_nonsense_is_as_good_as_away(path: str, document: Any) -> None:
    async with verifying() as (verifier, server, _):
        if isinstance(document, dict):
            document = {name: str(value).replace("{url}", server.url) for name, value in document.items()}
        server.documents[path] = document
        with pytest.raises(Unverifiable):
            await ask(verifier, server, OLD)


async def test_it_asks_nobody_whom_a_token_names() -> None:
    async with verifying() as (verifier, server, _), serving() as other:
        other.publish(NEW)
        for headers in ({"jku": f"{other.url}/jwks"}, {"jwk": NEW.jwk}, {"x5u": f"{other.url}/jwks"}):
            token = NEW.token(claims(server.url), **headers)
            with pytest.raises(Refused, match="not one of its issuer"):
                await verifier.token(token, token[-32:])
        with pytest.raises(Refused, match="issuer is not one"):
            await ask(verifier, other, NEW)
        assert other.asked == []
