"""Where people of a load are, and how they prove it: packets of the development signer. Pure."""

from __future__ import annotations

import secrets

from gateway.location.claims import Flags, Packet
from gateway.location.development import PACKET_S
from gateway.location.keys import DEVELOPMENT_ISSUER
from gateway.location.settings import LocationSettings

PLACE, STATE = (40.4406, -79.9959), "US-PA"
"""Pittsburgh, far from every border."""

NETWORK = "127.0.0.0/24"
NO_FLAGS = Flags(mocked=False, rooted=False, proxy=False, remote_desktop=False, jumped=False)


def packet(account: str, *, device: str, session: str, now_s: int) -> Packet:
    """What says that an account is there now."""
    return Packet(
        iss=DEVELOPMENT_ISSUER, aud=LocationSettings().audience, iat=now_s, exp=now_s + PACKET_S,
        jti=secrets.token_urlsafe(16), sub=account, device=device, session=session, net=NETWORK,
        lat=PLACE[0], lon=PLACE[1], accuracy_m=15.0, state=STATE, speed_mps=0.0, flags=NO_FLAGS,
    )  # fmt: skip
