"""What a world raises where a rule does not hold."""

from __future__ import annotations


class Violation(AssertionError):
    """A rule did not hold."""
