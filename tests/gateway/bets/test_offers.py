"""Offers to cash out, in numbers."""

from __future__ import annotations

from gateway.bets.offers import Offer, OfferedLeg, part_of, worth


def test_parts_never_come_to_more_than_the_whole() -> None:
    leg = OfferedLeg("M1", "O1", 1_909, 1_667, 7)
    for stake in range(1, 400):
        amount = worth(stake, [leg.struck], [leg.milli], margin_bp=500)
        offer = Offer("u1", "B1", 0, stake, amount, "USD", 0, (leg,))
        for part in range(1, stake):
            assert part_of(offer, part) + part_of(offer, stake - part) <= amount
