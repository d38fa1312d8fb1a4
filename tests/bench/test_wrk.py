"""What wrk says, as it says it."""

import pytest

from bench.scenario import CannotMeasure
from bench.wrk import Heard, heard

SAID = """\
Running 4s test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.71ms    7.13ms  64.53ms   91.99%
    Req/Sec    18.31k     7.71k   33.29k    62.50%
  Latency Distribution
     50%  830.00us
     75%    2.15ms
     90%    9.90ms
     99%    1.20s
  74245 requests in 4.13s, 46.51MB read
Requests/sec:  17976.08
"""


def test_requests_seconds_and_quantiles_in_whatever_unit() -> None:
    said = heard(SAID)
    assert said == Heard(74_245, 4.13, said.p50_ms, 1_200.0)
    assert said.p50_ms == pytest.approx(0.83)
    assert heard(SAID).per_s == pytest.approx(17_977, abs=1)


@pytest.mark.parametrize(
    "said",
    [
        "unable to connect to 127.0.0.1:1 Connection refused",
        SAID + "  Non-2xx or 3xx responses: 12",
        SAID + "  Socket errors: connect 0, read 3, write 0, timeout 0",
        SAID.replace("99%", "98%"),
    ],
)
def test_what_was_not_answered_as_it_should_is_no_measurement(said: str) -> None:
    with pytest.raises(CannotMeasure):
        heard(said)
