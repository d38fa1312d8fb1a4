"""`bench compare A.json B.json`: which figures moved from one result to another, and by how much beyond noise.

Noise is what the runs of one result differ by among themselves (the larger of both, `--repeat`); where a result has one
run, `assumed` stands for it. Whether more is better says the figure's bound, else its unit: milliseconds, seconds and
bytes should be few, anything a second much; what neither tells is told and not judged. Pure, but for `load`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from bench.report import number
from bench.result import EXIT_FAILED, EXIT_OK, Figure, Result
from bench.scenario import CannotMeasure

ASSUMED_NOISE = 0.1
"""Of a figure of one run, as a share of it: machines do differ by that from one minute to the next."""

THRESHOLD = 0.1
"""A figure that is worse by more than this share, and beyond noise, is a regression."""

_LESS, _MORE = frozenset({"ms", "s", "us", "B", "MiB"}), frozenset({"1/s"})
_NEVER = float("inf")

Judgement = Literal["worse", "better", "moved", "same"]


class Moved(NamedTuple):
    """One figure in both: its values, the noise in its unit, and what is thought of it. `share`: of what it was."""

    name: str
    unit: str
    before: float
    after: float
    noise: float
    judgement: Judgement
    regressed: bool

    @property
    def share(self) -> float:
        """By how much it moved; infinite where it was nothing."""
        moved = self.after - self.before
        return moved / abs(self.before) if self.before else (_NEVER if moved > 0 else -_NEVER if moved else 0.0)


class Comparison(NamedTuple):
    """Two results. `missed`: bounds that were met and are missed now."""

    before: Result
    after: Result
    figures: tuple[Moved, ...]
    missed: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """1 where something regressed."""
        regressed = self.missed or any(figure.regressed for figure in self.figures)
        return EXIT_FAILED if regressed else EXIT_OK


def load(path: Path) -> Result:
    """A result as `--json` wrote it. Raises CannotMeasure."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise CannotMeasure(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CannotMeasure(f"{path} is not a result of bench: {error}") from error


def compare(before: Result, after: Result, *, threshold: float, assumed: float) -> Comparison:
    """The figures that both have. Raises CannotMeasure where they are of different scenarios."""
    if before.name != after.name:
        raise CannotMeasure(f"{before.name} and {after.name} are different scenarios")
    better = {bound.name: bound.how for bound in (*before.bounds, *after.bounds)}
    figures = []
    for name, figure in after.figures.items():
        known = before.figures.get(name)
        if known is not None and known.unit == figure.unit:
            figures.append(_moved(name, known, figure, _way(better.get(name), figure.unit), (threshold, assumed)))
    met = {bound.name for bound in before.bounds if bound.ok is not False}
    missed = tuple(bound.name for bound in after.bounds if bound.ok is False and bound.name in met)
    return Comparison(before, after, tuple(figures), missed)


def _way(how: str | None, unit: str) -> int:
    """1 where more is better, -1 where less is, 0 where nobody knows."""
    if how is not None:
        return -1 if how == "most" else 1
    return -1 if unit in _LESS else 1 if unit in _MORE else 0


def _moved(name: str, before: Figure, after: Figure, way: int, limits: tuple[float, float]) -> Moved:
    threshold, assumed = limits
    noise = max(_noise(before, assumed), _noise(after, assumed))
    gained = after.value - before.value
    judgement: Judgement = "same"
    if abs(gained) > noise:
        judgement = "moved" if not way else "better" if gained * way > 0 else "worse"
    regressed = judgement == "worse" and abs(gained) > threshold * abs(before.value)
    return Moved(name, after.unit, before.value, after.value, noise, judgement, regressed)


def _noise(figure: Figure, assumed: float) -> float:
    if len(figure.runs) > 1:
        return max(figure.runs) - min(figure.runs)
    return assumed * abs(figure.value)


def lines(comparison: Comparison) -> Iterator[str]:
    """As people read it: what differs about the measurements, what moved, what regressed."""
    yield from _differences(comparison.before, comparison.after)
    moved = [figure for figure in comparison.figures if figure.judgement != "same"]
    yield f"{len(moved)} of {len(comparison.figures)} figures moved beyond noise"
    if moved:
        yield f"  {'figure':<40} {'before':>12} {'after':>12} {'moved':>8} {'noise':>10}"
    for figure in sorted(moved, key=_rank):
        yield (
            f"  {figure.name:<40} {number(figure.before):>12} {number(figure.after):>12} {_share(figure):>8} "
            f"{number(figure.noise):>10} {figure.unit:<4} {'REGRESSED' if figure.regressed else figure.judgement}"
        )
    for name in comparison.missed:
        yield f"  MISSED {name}: its bound was met before"


def _rank(figure: Moved) -> tuple[bool, bool, float]:
    return not figure.regressed, figure.judgement != "worse", -abs(figure.share)


def _share(figure: Moved) -> str:
    return "new" if abs(figure.share) == _NEVER else f"{figure.share:+.1%}"


def _differences(before: Result, after: Result) -> Iterator[str]:
    yield f"{before.name}: {before.started} at {_commit(before)}, then {after.started} at {_commit(after)}"
    if before.machine != after.machine:
        yield "not the same machine: what moved may be that"
    for name in sorted(before.parameters.keys() | after.parameters.keys()):
        was, is_now = before.parameters.get(name), after.parameters.get(name)
        if was != is_now:
            yield f"not the same load: {name} was {was}, is {is_now}"
    singles = [count for count in map(_runs, (before, after)) if count == 1]
    if singles:
        yield "a result of one run has no noise of its own: take --repeat 3 or more"


def _runs(result: Result) -> int:
    return max((len(figure.runs) for figure in result.figures.values()), default=0)


def _commit(result: Result) -> str:
    return "no checkout" if result.commit is None else result.commit[:10]


def compared(paths: Sequence[Path], *, threshold: float, assumed: float) -> Comparison:
    """Two files. Raises CannotMeasure."""
    before, after = map(load, paths)
    return compare(before, after, threshold=threshold, assumed=assumed)
