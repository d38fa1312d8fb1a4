"""Nodes that come and go on the ring move hardly more keys than they must, and leave the load even."""

from __future__ import annotations

import pytest

from bench.ring_moves import Ranked, one_by_one, spike, summary, there_and_back

KEYS = 100_000
MOVED_RATIO_MAX = 1.05
SKEW_MAX = 1.15


def test_from_6_nodes_to_20_and_back_and_into_a_spike() -> None:
    ranked = Ranked(KEYS)
    for stages in (there_and_back(), spike()[:3]):
        found = summary(ranked.steps(stages))
        assert found.moved_ratio <= MOVED_RATIO_MAX
        assert found.skew <= SKEW_MAX


@pytest.mark.proof
def test_node_by_node_and_through_a_spike() -> None:
    ranked = Ranked(KEYS)
    for stages in (one_by_one(), spike()):
        for step in ranked.steps(stages):
            assert step.moved <= MOVED_RATIO_MAX * step.least
            assert step.skew <= SKEW_MAX
