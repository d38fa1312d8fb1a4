"""Coverage-guided fuzzing for a minute a target (guided.py), from a corpus of what is well formed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import saying
from tests.conformance.saying import Wire
from tests.conformance.test_head_fuzz import NO_URL, TWO_ORIGINS
from tests.conformance.transport import UPGRADE

ROOT = Path(__file__).parents[2]
FUZZING_S = 60
SUBSCRIBE = b'{"op":"subscribe","id":1,"topics":["football.nfl"],"conflate_ms":100,"cursor":"1.a.0-1"}'
CORPUS = {
    "websocket": [
        Wire(saying.TEXT, SUBSCRIBE).serialize(),
        Wire(saying.TEXT, b'{"op":"ping"', fin=False).serialize() + Wire(0, b',"id":1}').serialize(),
        Wire(saying.PING, b"?").serialize() + Wire(saying.CLOSE, b"\x03\xe8").serialize(),
        Wire(saying.BINARY, bytes(200)).serialize(),
    ],
    "head": [
        UPGRADE,
        NO_URL,
        TWO_ORIGINS,
        b"GET /v1/stream/sse?topics=football&cursor=1.a.0-1 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1.a.0-1\r\n\r\n",
        b"OPTIONS /v1/stream HTTP/1.1\r\nOrigin: https://example.org\r\n\r\n",
    ],
}


@pytest.mark.proof
@pytest.mark.timeout(FUZZING_S + 60)
@pytest.mark.parametrize("target", ["websocket", pytest.param("head")])
def test_guided_by_coverage_nothing_is_found(target: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(CORPUS[target]):
        (corpus / str(number)).write_bytes(b"\0" + seed)
    module = [sys.executable, "-m", "tests.conformance.guided", target]
    limits = [f"-max_total_time={FUZZING_S}", "-max_len=6000", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    ran = subprocess.run([*module, *limits, corpus], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
