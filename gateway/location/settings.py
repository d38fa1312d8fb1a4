"""Settings of locations, with their limits. What happens at a limit stands in its description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.location.policy import GENERALISED_M, Policy


class LocationSettings(BaseSettings):
    """Settings of who is believed to be where; variables are ODDSWIRE_LOCATION_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_LOCATION_", frozen=True, hide_input_in_errors=True)

    environment: Annotated[
        Literal["production", "development"],
        Field(description="development believes the packets of `oddswire dev locate`, too"),
    ] = "production"
    development_dir: Annotated[
        Path | None,
        Field(description="data directory of `oddswire up`, whose development signer is believed; not in production"),
    ] = None
    audience: Annotated[str, Field(min_length=1, max_length=128, description="aud of packets that means us")] = (
        "oddswire"
    )
    vendor_keys: Annotated[
        Path | None,
        Field(description="JWK set of the vendors' public keys, each with kid and iss; none: no location is accepted"),
    ] = None
    receipt_keys: Annotated[
        SecretStr,
        Field(description="KID:SECRET,... of 32 bytes and more: the first seals receipts, all open them; none: none"),
    ] = SecretStr("")
    zones: Annotated[Path | None, Field(description="folder of exclusion zones, a GeoJSON file each")] = None
    age_s_max: Annotated[int, Field(ge=5, le=600, description="an older fix is refused, seconds")] = 120
    accuracy_m_max: Annotated[float, Field(gt=0, le=1_000, description="a less exact fix is refused, metres")] = 200.0
    border_buffer_m: Annotated[
        float,
        Field(
            ge=0,
            le=10_000,
            description="between the accuracy's disc and a border; never nearer than 500 m to one, metres",
        ),
    ] = GENERALISED_M

    verified_age: Annotated[
        int,
        Field(
            ge=0, le=120, description="years that whoever has an account was verified to have; 0: nobody was, no bets"
        ),
    ] = 0

    @model_validator(mode="after")
    def _fits(self) -> LocationSettings:
        if self.development_dir is not None and self.environment == "production":
            raise ValueError(
                "ODDSWIRE_LOCATION_DEVELOPMENT_DIR: made-up locations are not believed in production; "
                "set ODDSWIRE_LOCATION_ENVIRONMENT=development on a laptop, or take them away"
            )
        return self

    @property
    def configured(self) -> bool:
        """Whether there is somebody whose packets are believed."""
        return self.vendor_keys is not None or self.development_dir is not None

    def policy(self) -> Policy:
        """What is asked of a packet."""
        return Policy(
            self.audience,
            age_s_max=self.age_s_max,
            accuracy_m_max=self.accuracy_m_max,
            border_buffer_m=self.border_buffer_m,
        )
