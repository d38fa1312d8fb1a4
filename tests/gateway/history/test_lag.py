"""When the archive says that it lags."""

from gateway.history.lag import REPEAT_S, Lag

AGE_S = 1_000.0


def test_it_is_an_alarm_at_a_tenth_of_the_log_s_age_said_again_and_cleared() -> None:
    lag = Lag(AGE_S)
    assert (lag.seconds(50.0), lag.alarm(50.0)) == (0.0, None)
    lag.waits(oldest_us=50_000_000, pending=7)
    lag.waits(oldest_us=90_000_000, pending=9)
    assert lag.seconds(150.0) == 100.0
    assert lag.alarm(150.0) is None
    assert lag.alarm(150.1) == "raised"
    assert lag.alarm(151.0) is None
    assert lag.alarm(150.1 + REPEAT_S) == "raised"
    lag.archived(at_us=300_000_000, pending=3)
    assert lag.alarm(301.0) == "cleared"
    assert lag.seconds(301.0) == 1.0
    lag.archived(at_us=301_000_000, pending=0)
    assert lag.seconds(900.0) == 0.0


def test_an_interruption_counts_from_its_beginning() -> None:
    lag = Lag(AGE_S)
    lag.interrupted(10_000_000)
    lag.interrupted(20_000_000)
    assert lag.seconds(210.0) == 200.0
    assert lag.alarm(210.0) == "raised"
