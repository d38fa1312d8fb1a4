"""Where the database is, and how long anything may take there."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """The one database of an installation. Both secrets stay out of logs, of `repr` and of process lists."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_DATABASE_", frozen=True)

    url: Annotated[
        SecretStr,
        Field(
            validate_default=True,
            description="postgresql://USER@HOST:PORT/NAME; default: that of the running `oddswire up`",
        ),
    ] = SecretStr("")
    reader_url: Annotated[
        SecretStr,
        Field(description="replica that is asked about the past, which may be late by its lag; empty: url"),
    ] = SecretStr("")
    password: Annotated[SecretStr, Field(description="of the user, where the address holds none")] = SecretStr("")
    connections: Annotated[int, Field(ge=1, le=100, description="most connections of one process")] = 8
    connect_timeout_s: Annotated[float, Field(gt=0, le=60, description="for one connection")] = 5.0
    statement_timeout_s: Annotated[float, Field(gt=0, le=3_600, description="server-side, for one statement")] = 60.0

    @field_validator("reader_url")
    @classmethod
    def _is_none_or_an_address(cls, url: SecretStr) -> SecretStr:
        return cls._is_an_address(url) if url.get_secret_value() else url

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("not an address such as postgresql://USER@HOST:PORT/NAME")
        return url

    @property
    def reader(self) -> DatabaseSettings:
        """The same for questions about the past: a server that may be a replica."""
        return self.model_copy(update={"url": self.reader_url}) if self.reader_url.get_secret_value() else self

    @property
    def shown(self) -> str:
        """The address as it may be told: without a password."""
        parts = urlsplit(self.url.get_secret_value())
        who, at, hosts = parts.netloc.rpartition("@")  # of several hosts there are several ports
        return urlunsplit((parts.scheme, f"{who.partition(':')[0]}{at}{hosts}", parts.path, "", ""))
