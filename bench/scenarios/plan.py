"""What a fleet for so many devices is, costs, and does in a touchdown: by the model, nothing is started.

Counts with coefficients that `bench coefficients` measured, and with prices that are plainly assumptions; says how far
the model is from cells that it was not fitted to, and from those of a run of `bench growth`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from bench.capacity.buying import TIMES_MAX, bought
from bench.capacity.coefficients import Coefficients, coefficients_of, shipped_coefficients
from bench.capacity.drawing import Chart, course_svg
from bench.capacity.prices import Prices, prices_of, shipped_prices
from bench.capacity.sizing import BUDGET_MS, Demand, fleet_of, room_of, shards_for
from bench.capacity.touchdown import Course, Script, play
from bench.capacity.validation import FIGURES, compared, growth_of, held_out
from bench.options import count_to, seconds_to, share
from bench.report import number
from bench.result import Measured, Reading, Result
from bench.scenario import CannotMeasure, Scenario, Tell
from feeds.contract.errors import Refused

T = TypeVar("T")


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One plan. Raises CannotMeasure."""
    try:
        return _planned(vars(options), tell)
    except (Refused, OSError) as error:
        raise CannotMeasure(str(error)) from error


def _planned(options: dict[str, object], tell: Tell) -> Measured:
    demand, script = _demand(options), _script(options)
    costs, prices = _costs(options), _given(options, "prices", prices_of, shipped_prices)
    tell(f"coefficients of {costs.measured}, {costs.machine.cpu}; prices are assumptions of {prices.reviewed}")
    found = bought(demand, script, costs)
    figures = _fleet_figures("calm", demand, costs, prices, found.calm_shards)
    figures |= _course_figures("calm", found.calm, script)
    if found.shards is None:
        tell(f"not even {TIMES_MAX} times as many shards hold {BUDGET_MS:g} ms: change what comes, or how it is spread")
    shards = found.shards or TIMES_MAX * found.calm_shards
    figures |= _fleet_figures("buy", demand, costs, prices, shards)
    figures |= _course_figures("buy", found.course, script)
    cells = held_out(costs)
    if options.get("growth") is not None:
        cells += compared(growth_of(Path(str(options["growth"])).read_bytes()), costs)
    for one in cells:
        name = f"{one.figure}_{one.sockets}_sockets_{one.rate}_a_second"
        figures[f"predicted_{name}"] = Reading(one.predicted, "1")
        figures[f"measured_{name}"] = Reading(one.measured, "1")
    return Measured(figures, [])


def _fleet_figures(name: str, demand: Demand, costs: Coefficients, prices: Prices, shards: int) -> dict[str, Reading]:
    fleet = fleet_of(demand, costs, prices, shards=shards)
    units = {"cpu": "1", "p99_ms": "ms", "memory_gib": "GiB", "gbit_s": "Gbit/s"}
    units |= {"machines_month": prices.currency, "egress_month": prices.currency}
    figures = {f"{name}_{field}": Reading(value, units.get(field, "1")) for field, value in fleet._asdict().items()}
    return figures | {f"{name}_month": Reading(fleet.month, prices.currency)}


def _course_figures(name: str, course: Course, script: Script) -> dict[str, Reading]:
    figures = {
        "touchdown_p99_ms": Reading(course.worst_ms, "ms"),
        "over_budget_s": Reading(course.broken_s, "s"),
        "without_data": Reading(max(course.waiting), "1"),
    }
    moments = {
        "breaks_at_s": course.breaks_s,
        "spike_over_s": course.until_calm_s(script.touchdown_s + script.spike_s),  # since the last one came
        "zone_over_s": course.until_calm_s(script.zone_lost_s),
    }
    figures |= {field: Reading(value, "s") for field, value in moments.items() if value is not None}
    return {f"{name}_{field}": reading for field, reading in figures.items()}


def table(result: Result) -> Iterator[str]:
    """The calm fleet beside the one to buy, and predictions beside measurements."""
    names = [name.removeprefix("buy_") for name in result.figures if name.startswith("buy_")]
    names += ["breaks_at_s"] if "calm_breaks_at_s" in result.figures else []
    yield f"  {'':<20} {'a calm hour':>14} {'a touchdown':>14}"
    for name in dict.fromkeys(names):
        found = [result.figures.get(f"{kind}_{name}") for kind in ("calm", "buy")]
        unit = next(figure.unit for figure in found if figure is not None)
        told = " ".join(f"{'never' if figure is None else number(figure.value):>14}" for figure in found)
        yield f"  {name:<20} {told} {'' if unit == '1' else unit}"
    yield ""
    yield f"  {'devices on a shard':<20} {'figure':<22} {'predicted':>10} {'measured':>10} {'off':>6}"
    for name, predicted in result.figures.items():
        if not name.startswith("predicted_"):
            continue
        measured = result.figures["measured_" + name.removeprefix("predicted_")]
        figure, _, load = name.removeprefix("predicted_").partition("_sockets_")
        figure, _, sockets = figure.rpartition("_")
        load = f"{int(sockets):,} at {int(load.removesuffix('_a_second')):,}/s"
        off = predicted.value / measured.value - 1
        what = f"{FIGURES[figure][1]:<22} {number(predicted.value):>10} {number(measured.value):>10}"
        yield f"  {load:<20} {what} {off:>+6.0%}"


def draw(result: Result) -> str:
    """The touchdown of both fleets: the model is played again, it always comes to the same."""
    parameters: dict[str, object] = dict(result.parameters)
    demand, script, costs = _demand(parameters), _script(parameters), _costs(parameters)
    room, calm = room_of(demand, costs), shards_for(demand, costs)
    more = int(result.figures["buy_shards"].value)
    courses = {f"{shards:,} shards": play(demand, script, costs, shards=shards, room=room) for shards in (calm, more)}
    charts = [
        Chart(
            "p99 from provider to device, ms",
            {name: course.p99_ms for name, course in courses.items()},
            bound=BUDGET_MS,
            most=1_000,
        ),
        Chart("devices without data", {name: course.waiting for name, course in courses.items()}),
        Chart("shards that serve", {name: course.shards for name, course in courses.items()}),
    ]
    marks = {script.touchdown_s: "touchdown", script.zone_lost_s: "a zone is lost", script.drain_at_s: "drains"}
    title = f"{demand.devices:,} devices, {demand.updates:,} updates/s, {script.spike:.0%} more for one event"
    return course_svg(title, next(iter(courses.values())).at_s, charts, marks)


def _demand(options: dict[str, object]) -> Demand:
    names = ("devices", "updates", "events", "regions", "zones", "lanes", "lanes_per_shard")
    given = {name: int(str(options[name])) for name in names}
    return Demand(**given, tier_ms=float(str(options["tier"])), aim=float(str(options["aim"]))).checked()


def _script(options: dict[str, object]) -> Script:
    names = ("spike", "spike_s", "hot", "burst", "scale_lag_s")
    return Script(**{name: float(str(options[name])) for name in names})


def _costs(options: dict[str, object]) -> Coefficients:
    return _given(options, "coefficients", coefficients_of, shipped_coefficients)


def _given(options: dict[str, object], name: str, of: Callable[[bytes], T], shipped: Callable[[], T]) -> T:
    """Of the file that an option names, or what ships."""
    path = options.get(name)
    return shipped() if path is None else of(Path(str(path)).read_bytes())


def _options(parser: argparse.ArgumentParser) -> None:
    add, shape = parser.add_argument, Demand(1, 1)
    add("--devices", type=count_to(100_000_000), default=5_000_000, metavar="N", help="(%(default)s)")
    add("--updates", type=count_to(10_000_000), default=50_000, metavar="N", help="a second, all events (%(default)s)")
    for name, most, what in (
        ("events", 1_000_000, "events; each device watches one"),
        ("regions", 50, "regions"),
        ("zones", 10, "zones of a region"),
        ("lanes", 4_096, "lanes of the log"),
        ("lanes-per-shard", 4_096, "lanes that a shard follows; as many as there are: devices go anywhere"),
    ):
        default = getattr(shape, name.replace("-", "_"))
        add(f"--{name}", type=count_to(most), default=default, metavar="N", help=f"{what} (%(default)s)")
    add("--tier", type=count_to(60_000), default=100, metavar="MS", help="of every device (%(default)s)")
    add("--aim", type=share, default=shape.aim, metavar="SHARE", help="of a core, in a calm hour (%(default)s)")
    script = Script()
    add("--spike", type=share, default=script.spike, metavar="SHARE", help="of devices, come for it (%(default)s)")
    add("--spike-s", type=seconds_to(120), default=script.spike_s, metavar="S", help="within (%(default)s)")
    add("--hot", type=share, default=script.hot, metavar="SHARE", help="watch it already (%(default)s)")
    add("--burst", type=seconds_to(100), default=script.burst, metavar="X", help="its updates, times (%(default)s)")
    lag = "until a new shard serves (%(default)s)"
    add("--scale-lag-s", type=seconds_to(3_600), default=script.scale_lag_s, metavar="S", help=lag)
    for name in ("coefficients", "prices"):
        add(f"--{name}", type=Path, metavar="FILE", help="instead of those that ship")
    add("--growth", type=Path, metavar="FILE", help="a result of bench growth, to be predicted as well")


PLAN = Scenario(
    "plan",
    "what to buy for so many devices, and what a touchdown does to it",
    (),
    _options,
    run,
    table=table,
    draw=draw,
)
