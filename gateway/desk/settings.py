"""Settings of the desk: of its commands, and of its page and who signs in there."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from feeds.contract.errors import Refused
from gateway.access.oidc import Claims
from gateway.access.sessions import SESSION
from gateway.access.web_address import web_address
from gateway.sealing import Seals, keys_from_text


class DeskSettings(BaseSettings):
    """Who the trader is, and how long what desks did is kept."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_DESK_", frozen=True)

    by: Annotated[str, Field(description="who gives a command, where --by does not tell")] = ""
    audit_age_s: Annotated[
        int,
        Field(ge=86_400, le=631_152_000, description="how long what desks did is kept, seconds; fixed when it begins"),
    ] = 220_903_200


class PageSettings(BaseSettings):
    """The desk's page at /desk, and who signs in there; variables are ODDSWIRE_DESK_<NAME>.

    Without an issuer people sign in where development keys are taken (ODDSWIRE_ACCESS_DEVELOPMENT_DIR), or nowhere.
    """

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_DESK_", frozen=True, hide_input_in_errors=True)

    url: Annotated[
        str,
        Field(
            max_length=500, description="origin at which traders reach the page, https://HOST; needed with an issuer"
        ),
    ] = ""
    session_keys: Annotated[
        SecretStr,
        Field(
            description="keys of sessions, KID:SECRET,KID:SECRET, the same in every gateway; secrets >= 32 B; "
            "empty: of the development keys, or nobody signs in"
        ),
    ] = SecretStr("")
    session_s: Annotated[
        int, Field(ge=60, le=86_400, description="a session lasts so long, seconds; then people sign in again")
    ] = 43_200
    issuer: Annotated[str, Field(max_length=500, description="OIDC issuer that traders sign in at; empty: none")] = ""
    client_id: Annotated[str, Field(max_length=200, description="what the page is to that issuer")] = ""
    client_secret: Annotated[SecretStr, Field(description="its secret; empty: a public client, by PKCE alone")] = (
        SecretStr("")
    )
    jwks_url: Annotated[
        str, Field(max_length=1_000, description="address of the issuer's JWK set; empty: by discovery, on its origin")
    ] = ""
    scopes: Annotated[str, Field(max_length=500, description="what the page asks the issuer for")] = "openid profile"
    who_claim: Annotated[str, Field(max_length=100, description="claim that names somebody, for the trail")] = "sub"
    name_claim: Annotated[str, Field(max_length=100, description="claim with the name people use")] = "name"
    roles_claim: Annotated[str, Field(max_length=100, description="claim with the names of somebody's roles")] = "roles"
    traders: Annotated[
        tuple[str, ...], NoDecode, Field(max_length=50, description="roles that may do everything, comma separated")
    ] = ("oddswire-trader",)
    readers: Annotated[
        tuple[str, ...], NoDecode, Field(max_length=50, description="roles that may only look, comma separated")
    ] = ("oddswire-reader",)
    stream_origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            max_length=50,
            description="where the page may stream from besides the shards there are when it is opened, such as "
            "wss://*.odds.example, comma separated",
        ),
    ] = ()

    @field_validator("traders", "readers", "stream_origins", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("url", "issuer", "jwks_url")
    @classmethod
    def _are_addresses(cls, url: str) -> str:
        return web_address(url, such_as="https://desk.example")

    @field_validator("session_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        try:
            Seals(SESSION, keys_from_text(value.get_secret_value()))
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        return value

    @model_validator(mode="after")
    def _fits(self) -> PageSettings:
        if self.url and urlsplit(self.url).path:
            raise ValueError("ODDSWIRE_DESK_URL: an origin is SCHEME://HOST or SCHEME://HOST:PORT")
        if self.issuer and not (self.client_id and self.url):
            raise ValueError("ODDSWIRE_DESK_CLIENT_ID, ODDSWIRE_DESK_URL: an issuer asks who we are and where")
        return self

    @property
    def claims(self) -> Claims:
        """How an ID token is read."""
        return Claims(self.who_claim, self.name_claim, self.roles_claim, self.traders, self.readers)
