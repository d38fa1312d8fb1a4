"""Directed scenarios: one for each rule of PROTOCOL.md, each with the mutations that must make it fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.simulation.mutations import Mutation

TOPIC = "football.nfl.E0"

Scene = Callable[[], None]


class Scenario(NamedTuple):
    """A scene and the mutations that break it."""

    scene: Scene
    broken_by: tuple[Mutation, ...]


SCENARIOS: dict[str, Scenario] = {}


def scenario(*broken_by: Mutation) -> Callable[[Scene], Scene]:
    """Registers a scene."""

    def register(scene: Scene) -> Scene:
        SCENARIOS[scene.__name__] = Scenario(scene, broken_by)
        return scene

    return register
