"""Settings of protection. What happens at a limit stands in its description."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProtectionSettings(BaseSettings):
    """How an account is kept to what its holder set; variables are ODDSWIRE_PROTECTION_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_PROTECTION_", frozen=True)

    raise_after_h: Annotated[
        int, Field(ge=24, le=720, description="a limit that is raised or given up is so after this, hours")
    ] = 24
    time_out_h_max: Annotated[
        int, Field(ge=1, le=8_760, description="longest time-out, hours; longer is a self-exclusion")
    ] = 1_008
    exclusion_days_min: Annotated[
        int, Field(ge=1, le=3_650, description="shortest self-exclusion, days; a shorter one is refused")
    ] = 180

    @property
    def raise_after(self) -> timedelta:
        """How long a higher limit waits."""
        return timedelta(hours=self.raise_after_h)
