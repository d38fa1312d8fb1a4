"""A file of development secrets in the data directory of `oddswire up`: made when first needed, read by its owner."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_RANDOM_BYTES = 8


class OpenToOthers(OSError):
    """The file can be read by others."""


def kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """What the file holds; `make` gives it where there is none yet. Raises OSError, OpenToOthers among them."""
    if not path.exists():
        _write(path, make())
    if path.stat().st_mode & 0o077:
        raise OpenToOthers(f"{path} can be read by others: remove it, and end what uses it")
    return path.read_bytes()


def new_key_pair() -> dict[str, Any]:
    """An Ed25519 key pair as a JWK (RFC 8037), the private part `d` included."""
    pair: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    return pair


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; of two at once the first stands."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(_RANDOM_BYTES)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
