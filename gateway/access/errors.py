"""What goes wrong with keys of our own, in words for people. None of them ever holds a key."""

from __future__ import annotations


class NoDevelopmentKeys(Exception):
    """The file of the development keys cannot be made, read or understood."""
