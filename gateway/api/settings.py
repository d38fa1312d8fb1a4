"""Settings of the API, with their limits. What happens at a limit stands in its description."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.api.edge import AccessLog


class ApiSettings(BaseSettings):
    """Settings of `serve`; variables are ODDSWIRE_GATEWAY_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_GATEWAY_", frozen=True)

    host: Annotated[str, Field(min_length=1, description="address the API listens on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="port of the API; 0 takes a free one")] = 8000
    bodies_mib: Annotated[
        int,
        Field(ge=1, le=65_536, description="memory for bodies that are kept, MiB; beyond it the oldest is made anew"),
    ] = 128
    encoded_mib: Annotated[
        int,
        Field(ge=1, le=65_536, description="memory for encoded markets and events, MiB; beyond it the oldest goes"),
    ] = 64
    access_log: Annotated[
        AccessLog,
        Field(
            description="requests that are logged: all; routed, which leaves out reads from kept bytes; refused; none"
        ),
    ] = "routed"
    log_level: Annotated[
        str, Field(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    ] = "info"
