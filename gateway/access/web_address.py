"""Addresses of who is asked about people: HTTPS, or plain HTTP on this machine. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def web_address(url: str, *, such_as: str) -> str:
    """The address as it is; empty is none. Raises ValueError, which names an example."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if url and not ((parts.scheme == "https" and parts.hostname) or local):
        raise ValueError(f"not an address such as {such_as} (http only on this machine)")
    return url
