"""Every refusal of a place, in one table, and what the user is told to do about it.

The words never say how far a border is, nor which check a forged packet failed at.
"""

from __future__ import annotations

from typing import NamedTuple

from feeds.contract.errors import Refused


class Refusal(NamedTuple):
    """One kind: its code, and what to do."""

    code: str
    advice: str


REFUSALS = {
    refusal.code: refusal
    for refusal in (
        Refusal("geo_bad_packet", "Your location could not be verified. Update the app and check again."),
        Refusal("geo_expired", "Your location check is over. Check again."),
        Refusal("geo_not_yours", "This location check is not of this account, device and session. Check again."),
        Refusal("geo_network_changed", "Your network has changed. Check your location again."),
        Refusal("geo_replayed", "This location check was used before. Check again."),
        Refusal("geo_mocked", "Turn off apps that change your location, then check again."),
        Refusal("geo_rooted", "This device is not one that we can trust. Use another one."),
        Refusal("geo_proxy", "Leave the VPN or proxy, then check again."),
        Refusal("geo_remote_desktop", "Close remote control and screen sharing, then check again."),
        Refusal("geo_jumped", "Your location moved faster than anybody travels. Wait a while, then check again."),
        Refusal("geo_inaccurate", "Your location is not exact enough. Turn on Wi-Fi and GPS, then check again."),
        Refusal("geo_outside", "You are not in a place where we know that betting is allowed."),
        Refusal("geo_excluded_zone", "Betting is not allowed where you are. Move elsewhere, then check again."),
        Refusal("geo_undetermined", "You are too near to a border to tell its sides apart. Move away from it."),
        Refusal("geo_too_close_to_border", "You are too close to a border. Move away from it, then check again."),
        Refusal("geo_state_not_offered", "We do not take bets from the state where you are."),
        Refusal("geo_market_not_allowed", "This bet is not allowed in the state where you are."),
        Refusal("geo_too_young", "You are not old enough to bet in the state where you are."),
        Refusal("geo_no_receipt", "Check your location first."),
        Refusal("geo_superseded", "A later location check has replaced this one. Use its receipt."),
        Refusal("geo_unavailable", "Locations cannot be checked at the moment. Try again shortly."),
    )
}
"""By code. Adding one is one line here."""


class GeoRefused(Refused):
    """A place that is not accepted, or not any more. `code` is one of REFUSALS, the text what to do. `rule`: the rule
    that refuses, where it is one."""

    def __init__(self, code: str, *, rule: str | None = None) -> None:
        super().__init__(code, REFUSALS[code].advice)
        self.rule = rule
