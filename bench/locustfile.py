"""Locust users of the API: a customer who polls boards by ETag, an app that loads a board, streams from there and comes
back with its cursor; and with `--data-dir` of a development stack an app of an account that locates, follows its news,
bets and cashes out, and a trader who suspends and resumes.

    locust -f bench/locustfile.py --headless -u 50 -r 10 -t 30s -H http://127.0.0.1:8000
    locust -f bench/locustfile.py -H http://127.0.0.1:8000                     the same with its page, at port 8089

and over several processes or machines; a worker is told the master's options, `--data-dir` is a path there, too:

    locust -f bench/locustfile.py --master --expect-workers 2 --headless -u 200 -r 20 -t 60s -H http://127.0.0.1:8000
    locust -f bench/locustfile.py --worker --master-host 127.0.0.1             once for each

Users are in bench/locust_users. Importing them changes the standard library's sockets, as Locust always does: run it in
a process of its own.

Events beside the requests: `WS connect`, the handshake; `WS catch-up`, from there to `live`; `WS resume`, likewise for
an app that comes back; `WS delta`, from the moment the shard wrote a frame to the moment it was applied here, on one
clock; `WS provider to app`, likewise from the provider's message of each market; `WS news`, from a transaction's time
to its news here. A gap, a hole, a refusal, or an image where a cursor was brought is a failure; odds that moved, a bet
that is not to be cashed out any more, or a trader's stale click is none.
"""

from __future__ import annotations

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner

from bench.locust_users.app import AppUser
from bench.locust_users.bettor import Bettor
from bench.locust_users.customer import ApiCustomer
from bench.locust_users.trader import Trader

__all__ = ["ApiCustomer", "AppUser", "Bettor", "Trader"]

SIGNED_IN = (Bettor, Trader)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--stream",
        env_var="ODDSWIRE_URL",
        default="",
        help="address of the stream, ws://HOST:PORT/v1/stream; else the gateway is asked for it",
    )
    parser.add_argument(
        "--data-dir",
        default="",
        help="of a development stack, whose keys sign tokens and places; empty: nobody bets or trades",
    )
    parser.add_argument("--api-key", env_var="ODDSWIRE_API_KEY", default="", is_secret=True, help="goes in X-API-Key")


@events.init.add_listener  # type: ignore[untyped-decorator]
def _choose(environment: Environment, runner: Runner | None, **_: object) -> None:
    """Without keys to sign by nobody bets or trades. A worker does what its master says, and is told its options."""
    if isinstance(runner, WorkerRunner) or environment.parsed_options is None:
        return
    if not environment.parsed_options.data_dir:
        environment.user_classes = [one for one in environment.user_classes if one not in SIGNED_IN]
