"""Hosts on one machine: a network namespace and an address each, joined by a bridge (ip-netns(8), veth(4)).

Where namespaces are not permitted hosts are addresses of loopback: processes can still be lost, lines between them
cannot, which `parted` says. Everything made here is taken away at the end, and packets go to these hosts alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from bench.scenario import CannotMeasure

_SUBNET = "10.77.0"
_LOOPBACK = "127.77.0"
_OURS = 1
"""Last number of the address by which this process is on the bridge."""

HOSTS_MAX = 200
_WITHIN_S = 10.0


class Host(NamedTuple):
    """One machine of the cluster. `before`: the words that run a program there."""

    name: str
    address: str
    before: tuple[str, ...]


class Network:
    """The hosts, by name, and the lines between them. `parted`: whether lines can be cut."""

    def __init__(self, tag: str, ip: str | None) -> None:
        self.hosts: dict[str, Host] = {}
        self.parted = ip is not None
        self.here = f"{_SUBNET}.{_OURS}" if self.parted else "127.0.0.1"
        self._tag = tag
        self._ip = ip or ""
        self._away: set[str] = set()

    def host(self, name: str) -> Host:
        """The host of this name, made where there is none. Raises CannotMeasure."""
        if name not in self.hosts:
            self.hosts[name] = self._made(name)
        return self.hosts[name]

    def cut(self, name: str) -> None:
        """Nothing reaches the host, and nothing leaves it."""
        self._away.add(name)
        self._run("link", "set", self._outer(name), "down")

    def join(self, name: str) -> None:
        """It is reached again."""
        self._away.discard(name)
        self._run("link", "set", self._outer(name), "up")

    def deafen(self, speaker: str, listener: str) -> None:
        """What one host sends to the other is lost; the other way goes on."""
        self._route("add", speaker, listener)

    def undeafen(self, speaker: str, listener: str) -> None:
        """And arrives again."""
        self._route("del", speaker, listener)

    def heal(self) -> None:
        """Every host is reached again."""
        for name in tuple(self._away):
            self.join(name)

    def take_away(self) -> None:
        """All that was made."""
        for name in self.hosts if self.parted else ():
            subprocess.run([self._ip, "netns", "del", self._space(name)], capture_output=True, check=False)
        if self.parted:
            subprocess.run([self._ip, "link", "del", self._bridge], capture_output=True, check=False)

    def build(self) -> None:
        """The bridge, and this process on it. Raises CannotMeasure."""
        self._run("link", "add", self._bridge, "type", "bridge")
        self._run("addr", "add", f"{self.here}/24", "dev", self._bridge)
        self._run("link", "set", self._bridge, "up")

    def _made(self, name: str) -> Host:
        number = len(self.hosts) + 10
        if number > HOSTS_MAX:
            raise CannotMeasure(f"at most {HOSTS_MAX} hosts")
        if not self.parted:
            return Host(name, f"{_LOOPBACK}.{number}", ())
        space, outer, address = self._space(name), self._outer_of(number), f"{_SUBNET}.{number}"
        self._run("netns", "add", space)
        self.hosts[name] = Host(name, address, (self._ip, "netns", "exec", space))
        self._run("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
        self._run("link", "set", outer, "master", self._bridge, "up")
        for words in (
            ("addr", "add", f"{address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            self._run("-n", space, *words)
        return self.hosts[name]

    def _route(self, what: str, speaker: str, listener: str) -> None:
        self._run("-n", self._space(speaker), "route", what, "blackhole", f"{self.hosts[listener].address}/32")

    @property
    def _bridge(self) -> str:
        return f"ow{self._tag}"

    def _space(self, name: str) -> str:
        return f"oddswire-{self._tag}-{name}"

    def _outer(self, name: str) -> str:
        return self._outer_of(int(self.hosts[name].address.rpartition(".")[2]))

    def _outer_of(self, number: int) -> str:
        return f"ow{self._tag}-{number}"

    def _run(self, *words: str) -> None:
        done = subprocess.run([self._ip, *words], capture_output=True, text=True, timeout=_WITHIN_S, check=False)
        if done.returncode != 0:
            raise CannotMeasure(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextlib.contextmanager
def network(*, namespaces: bool = True) -> Iterator[Network]:
    """A network without hosts yet, gone afterwards. `namespaces`: if they are permitted. Raises CannotMeasure."""
    ip = permitted_ip() if namespaces else None
    made = Network(secrets.token_hex(3), ip)
    try:
        if made.parted:
            made.build()
        yield made
    finally:
        made.take_away()


def permitted_ip() -> str | None:
    """The program `ip`, where it may make namespaces; None elsewhere."""
    ip = shutil.which("ip")
    if ip is None or os.geteuid() != 0:
        return None
    probe = f"oddswire-probe-{secrets.token_hex(3)}"
    made = subprocess.run([ip, "netns", "add", probe], capture_output=True, timeout=_WITHIN_S, check=False)
    if made.returncode != 0:
        return None
    subprocess.run([ip, "netns", "del", probe], capture_output=True, timeout=_WITHIN_S, check=False)
    return ip
