"""Every refusal of a place, in one table, and what the user is told to do about it.

The words never say how far a border is, nor which check a forged packet failed at.
"""

from __future__ import annotations

from typing import NamedTuple

from feeds.contract.errors import Refused


class Refusal(NamedTuple):
    """One kind: its code, HTTP status, and what to do."""

    code: str
    status: int
    advice: str


REFUSALS = {
    refusal.code: refusal
    for refusal in (
        Refusal("geo_bad_packet", 403, "Your location could not be verified. Update the app and check again."),
        Refusal("geo_expired", 403, "Your location check is over. Check again."),
        Refusal("geo_not_yours", 403, "This location check is not of this account, device and session. Check again."),
        Refusal("geo_network_changed", 403, "Your network has changed. Check your location again."),
        Refusal("geo_replayed", 403, "This location check was used before. Check again."),
        Refusal("geo_mocked", 403, "Turn off apps that change your location, then check again."),
        Refusal("geo_rooted", 403, "This device is not one that we can trust. Use another one."),
        Refusal("geo_proxy", 403, "Leave the VPN or proxy, then check again."),
        Refusal("geo_remote_desktop", 403, "Close remote control and screen sharing, then check again."),
        Refusal("geo_jumped", 403, "Your location moved faster than anybody travels. Wait a while, then check again."),
        Refusal("geo_inaccurate", 403, "Your location is not exact enough. Turn on Wi-Fi and GPS, then check again."),
        Refusal("geo_outside", 403, "You are not in a place where we know that betting is allowed."),
        Refusal("geo_excluded_zone", 403, "Betting is not allowed where you are. Move elsewhere, then check again."),
        Refusal("geo_undetermined", 403, "You are too near to a border to tell its sides apart. Move away from it."),
        Refusal("geo_too_close_to_border", 403, "You are too close to a border. Move away from it, then check again."),
        Refusal("geo_state_not_offered", 403, "We do not take bets from the state where you are."),
        Refusal("geo_market_not_allowed", 403, "This bet is not allowed in the state where you are."),
        Refusal("geo_too_young", 403, "You are not old enough to bet in the state where you are."),
        Refusal("geo_no_receipt", 403, "Check your location first."),
        Refusal("geo_superseded", 403, "A later location check has replaced this one. Use its receipt."),
        Refusal("geo_unavailable", 503, "Locations cannot be checked at the moment. Try again shortly."),
    )
}
"""By code. Adding one is one line here."""


class GeoRefused(Refused):
    """A place that is not accepted, or not any more. `code` is one of REFUSALS, the text what to do."""

    def __init__(self, code: str) -> None:
        super().__init__(code, REFUSALS[code].advice)
