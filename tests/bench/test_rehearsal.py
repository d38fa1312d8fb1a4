"""The rehearsal's hosts, and its page; all of it is `make rehearsal`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.chaos.checkers.violation import Violation
from bench.rehearsal.drills import DRILLS
from bench.rehearsal.network import Host, network, permitted_ip
from bench.rehearsal.report import page
from bench.rehearsal.watching import Drilled

WITHIN_S = 20.0

SAY = "import socket; s = socket.create_server(('{}', 7)); c, _ = s.accept(); c.sendall(b'here')"
HEAR = "import socket; s = socket.create_connection(('{}', 7), {}); s.settimeout({}); print(s.recv(9).decode())"


def heard(at: Host, of: Host, *, within_s: float) -> str:
    """What one host hears of another; empty for nothing."""
    speaker = subprocess.Popen([*of.before, sys.executable, "-c", SAY.format(of.address)])
    try:
        for _ in range(20):
            words = [*at.before, sys.executable, "-c", HEAR.format(of.address, within_s, within_s)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN_S, check=False)
            if "refused" not in done.stderr:
                return done.stdout.strip()
        return ""
    finally:
        speaker.kill()
        speaker.wait()


@pytest.mark.skipif(permitted_ip() is None, reason="network namespaces are not permitted here")
def test_hosts_hear_each_other_until_a_line_is_cut() -> None:
    with network() as net:
        one, other = net.host("one"), net.host("other")
        assert heard(one, other, within_s=5) == "here"
        net.deafen("other", "one")
        assert heard(one, other, within_s=1) == ""
        net.undeafen("other", "one")
        net.cut("other")
        assert heard(one, other, within_s=1) == ""
        net.heal()
        assert heard(one, other, within_s=5) == "here"
        spaces = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
        assert one.before[-1] in spaces
    spaces = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert one.before[-1] not in spaces


def test_where_namespaces_are_not_permitted_hosts_are_addresses_of_loopback() -> None:
    with network(namespaces=False) as net:
        one, other = net.host("one"), net.host("other")
        assert not net.parted
        assert (one.before, one.address != other.address) == ((), True)
        assert heard(one, other, within_s=5) == "here"


def test_the_page_says_what_was_kept_and_what_was_left_out() -> None:
    kept = Drilled("a", "a host is lost", 3.0, "DESIGN.md", 1.0, 2.5, 0.1, {"ConnectionClosedOK 4010": 3})
    late = Drilled("b", "a line is cut", 3.0, "DESIGN.md", 3.5, 0.0, 0.1, {})
    failed = Drilled("c", "all is lost", 3.0, "DESIGN.md", 0.0, 0.0, 0.0, {}, "it does not become whole")
    assert (kept.kept, late.kept, failed.kept) == (True, False, False)
    text = page([kept, late, failed], [Violation("S6", "log", "a hole")], ["on a laptop"], ["a line is cut"])
    assert "| a host is lost | 1.0 s | 2.5 s | 0.1 s | 3 by 4010 | 3 s: DESIGN.md | yes |" in text
    assert "| **no** |" in text
    assert "it does not become whole" in text
    assert "1 violations" in text
    assert "Left out here: a line is cut." in text


def test_every_drill_has_a_promise_and_a_name_of_its_own() -> None:
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)
    assert all(0 < drill.promised_s <= 15 and drill.source for drill in DRILLS)
    assert any(drill.parts for drill in DRILLS)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_the_whole_rehearsal(tmp_path: Path) -> None:
    report = tmp_path / "rehearsal.md"
    command = [sys.executable, "-m", "bench", "rehearsal", "--report", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "0 violations" in report.read_text()
