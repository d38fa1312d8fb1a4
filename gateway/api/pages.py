"""The desk's page and the way in, as routes: endpoints by name, counted, and refused by the one table of problems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from feeds.contract.coordination import Coordination
from feeds.contract.errors import Refused
from gateway.access.development import development_keys
from gateway.access.oidc import PENDING, Client, Oidc
from gateway.access.plans import PLANS, UNLIMITED
from gateway.access.sessions import SESSION, Sessions
from gateway.access.settings import AccessSettings
from gateway.access.tokens import Rules
from gateway.api.edge import Exchange
from gateway.api.problems import answer
from gateway.desk.entering import Entering, Entry
from gateway.desk.serving import Page
from gateway.desk.settings import PageSettings
from gateway.sealing import Seals, keys_from_text

Endpoint = Callable[[Request], Awaitable[Response]]

_DEVELOPMENT = "development"


class DeskPages:
    """Files of the page, and the way in."""

    def __init__(self, page: Page, entering: Entering) -> None:
        self._page = page
        self._by_name: dict[str, Endpoint] = {"desk_page": self._file, **entering.by_name}

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint, which counts its requests under its name."""
        inner = self._by_name[name]

        async def named(request: Request) -> Response:
            exchange: Exchange = request.scope["exchange"]
            exchange.route = name
            try:
                return await inner(request)
            except Refused as refusal:
                told = answer(refusal.code, exchange.request_id.decode(), str(refusal))
                response = Response(told.body, told.status)
                response.raw_headers = told.headers
                return response

        return named

    async def _file(self, request: Request) -> Response:
        found = self._page.answer(request)
        if found is None:
            raise Refused("no_such_route", "")
        return found


def sessions_of(page: PageSettings, access: AccessSettings, coordination: Coordination) -> Sessions | None:
    """None where there are no keys to seal a session with. Raises NoDevelopmentKeys."""
    keys = _keys(page, access)
    if not keys:
        return None
    return Sessions(Seals(SESSION, keys), coordination, lifetime_s=page.session_s, origin=page.url)


def entry_of(
    page: PageSettings, access: AccessSettings | None, sessions: Sessions | None, *, tickets: bool
) -> Entry | None:
    """The way in, where there is one. Raises NoDevelopmentKeys."""
    if access is None or sessions is None:
        return None
    oidc = None
    if page.issuer:
        rules = Rules(
            issuer=page.issuer,
            audience=page.client_id,
            algorithms=frozenset(access.algorithms),
            plan=PLANS[UNLIMITED],
            skew_s=access.clock_skew_s,
        )
        client = Client(
            page.client_id, page.client_secret.get_secret_value(), f"{page.url}/desk/sign-in/done", page.scopes
        )
        oidc = Oidc(rules, client, page.claims, jwks_url=page.jwks_url, stale_s=access.outage_s)
    development = access.development_dir is not None
    return Entry(sessions, Seals(PENDING, _keys(page, access)), oidc, development, tickets)


def _keys(page: PageSettings, access: AccessSettings) -> dict[str, bytes]:
    keys = keys_from_text(page.session_keys.get_secret_value())
    if not keys and access.development_dir is not None:
        return {_DEVELOPMENT: development_keys(access.development_dir).key.encode()}
    return keys
