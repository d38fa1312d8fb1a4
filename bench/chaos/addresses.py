"""Where a stack is: all that load and checkers know of it, however it was started."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Addresses(NamedTuple):
    """`streams`: of shards, as devices reach them; `apis`: ports of gateways on loopback, as clients reach them.

    `nats_url` and `database_url` are the servers' own, for who checks: no fault lies between. `data_dir` has the
    development keys; `lanes` is the setting of the log; `network`: the one gateways see clients in.
    """

    streams: tuple[str, ...]
    apis: tuple[int, ...]
    nats_url: str
    database_url: str
    data_dir: Path
    lanes: int = 4
    network: str = "127.0.0.0/24"
