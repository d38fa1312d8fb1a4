"""Settings every reader and writer of the log shares, and how any settings class describes itself.

A setting is a field of a pydantic-settings class: its environment variable is the prefix and its name, its limits stand
in the field. Nothing reads the environment at import: a `main.py` makes the object and hands values on.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from feeds.contract.coordination_address import parse_coordination


class BusSettings(BaseSettings):
    """The log: where it is and how it was made, and where processes coordinate. The same for every process of one
    installation."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_", frozen=True)

    nats_url: Annotated[str, Field(description="address of nats-server, nats://HOST:PORT")] = "nats://127.0.0.1:4222"
    lanes: Annotated[int, Field(ge=1, le=64, description="partitions of the log, fixed when the log is made")] = 4
    log_age_s: Annotated[int, Field(ge=10, le=604_800, description="how long the log keeps a record, seconds")] = 21_600
    settle_age_s: Annotated[
        int,
        Field(ge=60, le=31_536_000, description="how long results are kept, seconds; older ones are gone, read or not"),
    ] = 604_800
    log_replicas: Annotated[
        int, Field(ge=1, le=5, description="JetStream replicas of a lane and of the results: 1 on a laptop, 3 else")
    ] = 1
    coordination: Annotated[
        str,
        Field(
            description="where processes agree: memory:, nats:, aerospike://HOST:PORT,HOST:PORT/NAMESPACE/INSTALLATION"
        ),
    ] = "nats:"

    @field_validator("coordination")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parse_coordination(value)
        return value


def describe(settings: type[BaseSettings]) -> list[dict[str, str]]:
    """Every setting of a class: `variable`, `default`, `limit`, `meaning`, as `oddswire settings` prints them."""
    prefix = settings.model_config.get("env_prefix", "")
    return [
        {
            "variable": (prefix + name).upper(),
            "default": str(field.get_default(call_default_factory=True, validated_data={})),
            "limit": _limit(field.metadata),
            "meaning": field.description or "",
        }
        for name, field in settings.model_fields.items()
    ]


def _limit(metadata: list[object]) -> str:
    words: list[str] = []
    for rule in metadata:
        match rule:
            case Ge(ge=bound):
                words.append(f">= {bound}")
            case Gt(gt=bound):
                words.append(f"> {bound}")
            case Le(le=bound):
                words.append(f"<= {bound}")
            case Lt(lt=bound):
                words.append(f"< {bound}")
    return ", ".join(words)
