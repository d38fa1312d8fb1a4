"""Settings of the desk's commands."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DeskSettings(BaseSettings):
    """Who the trader is, and how long what desks did is kept."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_DESK_", frozen=True)

    by: Annotated[str, Field(description="who gives a command, where --by does not tell")] = ""
    audit_age_s: Annotated[
        int,
        Field(ge=86_400, le=631_152_000, description="how long what desks did is kept, seconds; fixed when it begins"),
    ] = 220_903_200
