"""When a part that died starts again, and when it is given up."""

from gateway.local.restarts import BACKOFF_FIRST_S, DEATHS_MAX, WINDOW_S, Restarts


def test_the_wait_doubles_until_the_part_is_given_up() -> None:
    restarts = Restarts()
    waits = [restarts.died(now_s=100.0 + n) for n in range(DEATHS_MAX)]
    assert waits == [BACKOFF_FIRST_S, 0.5, 1.0, 2.0, None]


def test_deaths_beyond_the_window_are_forgotten() -> None:
    restarts = Restarts()
    waits = [restarts.died(now_s=n * WINDOW_S) for n in range(3 * DEATHS_MAX)]
    assert set(waits) == {BACKOFF_FIRST_S}


def test_five_deaths_spread_over_more_than_the_window_do_not_end_the_stack() -> None:
    restarts = Restarts()
    step_s = WINDOW_S / (DEATHS_MAX - 1)
    assert None not in [restarts.died(now_s=n * step_s) for n in range(20)]
