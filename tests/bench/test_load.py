"""How a load is laid out: who watches what, which core is whose, what a machine must allow; and the command line."""

import resource
from collections import Counter

import pytest

from bench.main import main
from bench.processes import Cores, split_cores
from bench.scenario import CannotMeasure
from bench.spread import spread_over
from bench.swarm import SOCKETS_PER_SOURCE, allow_files, source_socket

TOPICS = [f"football.nfl.E{number}" for number in range(10)]

_, HARD_LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)


def test_an_even_spread_gives_every_topic_as_many_devices() -> None:
    spread = spread_over(TOPICS, 1_000, how="even")
    assert set(Counter(spread).values()) == {100}
    assert spread == spread_over(TOPICS, 1_000, how="even")


def test_every_fiftieth_device_of_an_even_spread_is_a_fair_sample() -> None:
    assert set(spread_over(TOPICS, 10_000, how="even")[::50]) == set(TOPICS)


def test_a_zipf_spread_halves_from_the_first_topic_to_the_second() -> None:
    counts = Counter(spread_over(TOPICS, 30_000, how="zipf"))
    assert counts[TOPICS[0]] / counts[TOPICS[1]] == pytest.approx(2, rel=0.1)
    assert counts[TOPICS[0]] / counts[TOPICS[9]] == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(
    ("cores", "measured", "beside"), [({0, 1}, {1}, {0}), ({3}, {3}, {3}), ({0, 2, 4, 6}, {6}, {0, 2, 4})]
)
def test_what_is_measured_has_a_core_to_itself(cores: set[int], measured: set[int], beside: set[int]) -> None:
    assert split_cores(cores) == Cores(frozenset(measured), frozenset(beside))


def test_connections_come_from_several_addresses_before_ports_run_out() -> None:
    with source_socket(0) as first, source_socket(SOCKETS_PER_SOURCE) as second:
        assert (first.getsockname()[0], second.getsockname()[0]) == ("127.0.0.1", "127.0.0.2")


@pytest.mark.skipif(HARD_LIMIT == resource.RLIM_INFINITY, reason="this machine allows any number of open files")
def test_more_sockets_than_the_machine_allows_are_refused_in_words() -> None:
    with pytest.raises(CannotMeasure, match="raise it"):
        allow_files(HARD_LIMIT)


def test_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("fanout ")


@pytest.mark.parametrize(
    "words",
    [(), ("nonsense",), ("fanout", "--sockets", "0"), ("fanout", "--seconds", "x"), ("fanout", "--spread", "odd")],
)
def test_what_is_not_understood_ends_with_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err
