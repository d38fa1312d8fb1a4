"""What grows is told from what only wavers; and how pairs, returns and loads become figures."""

from argparse import ArgumentTypeError

import pytest

from bench.options import counts_to, numbers, share
from bench.result import Measured, figures_of, held_against
from bench.scenarios import failover, growth, soak
from bench.scenarios.slow import Pair, Window, paces_of, slow_figures
from bench.trend import trend
from bench.wire import last_cursor

MIB = 1 << 20


def test_a_line_through_what_grows_gains_what_it_grew() -> None:
    grown = trend([(100.0 + second, 50 * MIB + second * 1000.0) for second in range(601)])
    assert grown.grew == pytest.approx(600_000)
    assert grown.share_per_hour == pytest.approx(3_600_000 / (50 * MIB))


def test_one_step_at_the_end_is_less_than_the_same_step_in_the_middle() -> None:
    def stepped(at: int) -> float:
        return trend([(float(second), float(MIB if second >= at else 0) + MIB) for second in range(100)]).grew

    assert stepped(98) < stepped(50) / 4


def test_the_soak_bound_is_missed_by_a_byte_for_each_delivery() -> None:
    leaking = [(5.0 * number, 80.0 * MIB + 5.0 * number * 77_000) for number in range(121)]
    figures = soak.memory_figures(leaking)
    [bound] = held_against(soak.SOAK.limits[:1], figures_of([Measured(figures, [])]))
    assert bound.name == "shard_memory_growth"
    assert not bound.ok


def test_slow_devices_may_move_the_others_by_ten_ms_or_a_tenth() -> None:
    pairs = [
        Pair(Window(100, 50.0 + board, 0), Window(moved, 62.0 + board, 5))
        for board, moved in ((0, 105), (1000, 300), (2000, 108))
    ]
    told = {name: figure.value for name, figure in slow_figures(pairs, 6).items()}
    assert told["p99_moved_ms"] == 8
    assert told["p99_moved_of_allowed"] == pytest.approx(0.8)
    assert told["slow_full_share"] == pytest.approx(5 / 6)
    assert told["shard_memory_per_slow"] == 2
    assert told["held_growth"] == pytest.approx(0)


def test_what_is_held_for_slow_devices_may_not_grow_from_pair_to_pair() -> None:
    pairs = [Pair(Window(100, 50 * MIB, 0), Window(100, (52 + 5 * number) * MIB, 5)) for number in range(3)]
    assert slow_figures(pairs, 6)["held_growth"].value == pytest.approx(10 * MIB)
    assert "held_growth" not in slow_figures(pairs[:1], 6)


@pytest.mark.parametrize(("sockets", "never", "little"), [(10_000, 100, 500), (20, 1, 1)])
def test_of_a_hundred_devices_one_never_reads_and_five_read_little(sockets: int, never: int, little: int) -> None:
    speeds = [pace.bytes_per_s for pace in paces_of(sockets)]
    assert (speeds.count(0), speeds.count(1024)) == (never, little)


def test_devices_that_never_came_back_count_as_late_as_was_watched() -> None:
    told = {name: figure.value for name, figure in failover.back_figures([1.0] * 94 + [16.0], 100, seconds=20).items()}
    assert told["fresh_in_15_s_share"] == 0.94
    assert (told["back_p50_s"], told["back_p95_s"], told["back_max_s"]) == (1, 16, 20)
    assert told["back_share"] == 0.95


def test_growth_runs_along_both_axes_or_over_the_whole_grid() -> None:
    asked = {"sockets": "3,1,3", "rates": "200", "grid": False, "at_rate": 50, "at_sockets": 7}
    by_sockets, by_rates = growth.rows(asked)
    assert by_sockets.cells == (growth.Cell(1, 50), growth.Cell(3, 50))
    assert by_rates.cells == (growth.Cell(7, 200),)
    assert [row.cells for row in growth.rows(asked | {"grid": True})] == [(growth.Cell(1, 200), growth.Cell(3, 200))]


def test_several_numbers_are_checked_and_read() -> None:
    assert numbers(counts_to(10)("3,1,3")) == [1, 3]
    for text in ("11", "0", "", "a"):
        with pytest.raises((ValueError, ArgumentTypeError)):
            counts_to(10)(text)


@pytest.mark.parametrize("text", ["0", "1.1", "-1"])
def test_a_share_is_more_than_nothing_and_one_at_most(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="within"):
        share(text)


def test_the_last_whole_cursor_counts() -> None:
    assert last_cursor(b'{"t":"d","cursor":"a1"}{"t":"d","cursor":"b2"}{"t":"d","cursor":"c') == "b2"
    assert last_cursor(b'{"t":"d","m":[]}') is None
