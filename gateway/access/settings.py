"""Settings of access, with their limits. What happens at a limit stands in its description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.access.plans import PLANS
from gateway.access.tokens import Algorithm
from gateway.access.web_address import web_address


def _words(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class AccessSettings(BaseSettings):
    """Settings of who may ask the API; variables are ODDSWIRE_ACCESS_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_ACCESS_", frozen=True, hide_input_in_errors=True)

    environment: Annotated[
        Literal["production", "development"], Field(description="development takes the keys of development_dir, too")
    ] = "production"
    development_dir: Annotated[
        Path | None,
        Field(description="data directory of `oddswire up`, whose development keys are taken; refused in production"),
    ] = None
    anonymous: Annotated[bool, Field(description="odds are open to all: who gives no key or token may read them")] = (
        False
    )
    origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(max_length=100, description="origins whose pages may read answers (CORS), comma separated; * for all"),
    ] = ()
    issuer: Annotated[
        str, Field(max_length=500, description="OIDC issuer whose tokens are taken; empty: no tokens")
    ] = ""
    audience: Annotated[str, Field(max_length=200, description="aud of its tokens that means us")] = ""
    jwks_url: Annotated[
        str, Field(max_length=1_000, description="address of its JWK set; empty: by discovery, on the issuer's origin")
    ] = ""
    algorithms: Annotated[
        tuple[Algorithm, ...],
        NoDecode,
        Field(min_length=1, description="signatures that are taken, comma separated: RS* PS* ES* EdDSA, nothing else"),
    ] = ("RS256", "PS256", "ES256", "EdDSA")
    plan: Annotated[str, Field(description="plan of every account that comes by a token")] = "professional"
    clock_skew_s: Annotated[float, Field(ge=0, le=60, description="by which an issuer's clock may be off")] = 10.0
    outage_s: Annotated[
        float,
        Field(
            ge=5,
            le=3_000,
            description="while the database or issuer is away, who was verified before goes on for so long; then 503",
        ),
    ] = 300.0
    poll_s: Annotated[float, Field(gt=0, le=2.5, description="revocations are looked for this often")] = 2.0
    settle_s: Annotated[float, Field(ge=1, le=60, description="used quota is settled this often, at most")] = 1.0
    workers: Annotated[
        int,
        Field(
            ge=1,
            le=1_000,
            description="workers of the installation: while they cannot agree, each has that part of a plan's rate",
        ),
    ] = 1
    coordination: Annotated[
        Literal["shared", "memory"],
        Field(
            description="where quotas and rates are counted: where all processes coordinate, or each worker for itself"
        ),
    ] = "shared"

    @field_validator("origins", "algorithms", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return _words(value)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if origin not in ("*", f"{parts.scheme}://{parts.netloc}"):
                raise ValueError("an origin is SCHEME://HOST or SCHEME://HOST:PORT, or *")
        return origins

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _are_addresses(cls, url: str) -> str:
        return web_address(url, such_as="https://issuer.example")

    @field_validator("plan")
    @classmethod
    def _is_a_plan(cls, plan: str) -> str:
        if plan not in PLANS:
            raise ValueError(f"no such plan: choose among {', '.join(PLANS)}")
        return plan

    @model_validator(mode="after")
    def _fits(self) -> AccessSettings:
        if self.development_dir is not None and self.environment == "production":
            raise ValueError(
                "ODDSWIRE_ACCESS_DEVELOPMENT_DIR: development keys are not taken in production; "
                "set ODDSWIRE_ACCESS_ENVIRONMENT=development on a laptop, or take them away"
            )
        if self.issuer and not self.audience:
            raise ValueError("ODDSWIRE_ACCESS_AUDIENCE: an issuer's tokens for others must not be taken: say which are")
        if self.jwks_url and not self.issuer:
            raise ValueError("ODDSWIRE_ACCESS_ISSUER: whose keys those are")
        return self
