"""A location packet: what the vendor signed, read into a frozen type. Pure; the key decides the algorithm.

A packet is a JWS in compact form (RFC 7515). It is taken apart here and its signature left to PyJWT's algorithms: all
of PyJWT's own taking apart costs as much as the signature does. Everything about its shape is refused with one code:
who forges packets is not told which part of the forgery was noticed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import msgspec

from gateway.location.keys import VendorKey
from gateway.location.refusals import GeoRefused

PACKET_BYTES_MAX = 4_096
"""As long or longer: refused before anything of it is read."""

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{16,64}\Z")]
_Time = Annotated[int, msgspec.Meta(gt=0, lt=1 << 40)]

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
"""Three parts in base64url without padding (RFC 7515 section 3.1); the last is never empty."""


class Flags(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the vendor noticed of fraud. A flag that we do not know is refused: it may be raised."""

    mocked: bool
    rooted: bool
    proxy: bool
    remote_desktop: bool
    jumped: bool


class Packet(msgspec.Struct, frozen=True):
    """Its claims (PROTOCOL.md section 6). Degrees of WGS 84, metres, metres a second, Unix seconds; `net` a network."""

    iss: _Text
    aud: _Text
    iat: _Time
    exp: _Time
    jti: _Id
    sub: _Text
    device: _Text
    session: _Text
    net: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, msgspec.Meta(gt=0, le=1e9)]
    state: Annotated[str, msgspec.Meta(pattern=r"\AUS-[A-Z]{2}\Z")]
    speed_mps: Annotated[float, msgspec.Meta(ge=0, le=1e5)]
    flags: Flags


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`crit`, `b64`, `jwk`, `jku`, `x5u` and the like are not known here, and so refused."""

    alg: str
    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    typ: str = "JWT"


class Signed(NamedTuple):
    """A packet whose signature holds, and the key that it was made with."""

    packet: Packet
    key: VendorKey


_header = msgspec.json.Decoder(_Header)
_packet = msgspec.json.Decoder(Packet)


def read_packet(text: str, keys: Mapping[str, VendorKey]) -> Signed:
    """The packet, where a known key signed it by that key's own algorithm. Raises GeoRefused("geo_bad_packet")."""
    if len(text) >= PACKET_BYTES_MAX or _COMPACT.match(text) is None:
        raise GeoRefused("geo_bad_packet")
    head, payload, signature = text.split(".")
    try:
        header = _header.decode(_decoded(head))
        key = keys[header.kid]
        if header.alg != key.algorithm or header.typ not in ("JWT", "geo+jwt"):
            raise GeoRefused("geo_bad_packet")
        if not key.signed(f"{head}.{payload}".encode(), _decoded(signature)):
            raise GeoRefused("geo_bad_packet")
        return Signed(_packet.decode(_decoded(payload)), key)
    except (KeyError, binascii.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise GeoRefused("geo_bad_packet") from error


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
