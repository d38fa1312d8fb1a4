"""The `oddswire` command as a user meets it: what it prints, and its exit status."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.cli import table
from gateway.local.datadir import announced

ODDSWIRE = str(Path(sys.executable).with_name("oddswire"))

ADDRESSES = "memory:, nats: or aerospike://HOST:PORT,HOST:PORT/NAMESPACE/INSTALLATION"


def oddswire(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ODDSWIRE, *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=os.environ | environment,
        text=True,
        timeout=60,
    )


@pytest.fixture
def echo(tmp_path: Path) -> str:
    """A PYTHONPATH on which fanout and bench only print how they were called."""
    for package in ("fanout", "bench"):
        (tmp_path / "echo" / package).mkdir(parents=True)
        (tmp_path / "echo" / package / "__init__.py").touch()
        (tmp_path / "echo" / package / "__main__.py").write_text(
            f"import json, sys; print(json.dumps(['{package}', *sys.argv[1:]])); sys.exit(3)"
        )
    return str(tmp_path / "echo")


def test_version(tmp_path: Path) -> None:
    done = oddswire("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"oddswire {version('oddswire')}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_every_command(arguments: list[str], tmp_path: Path) -> None:
    done = oddswire(*arguments, cwd=tmp_path)
    assert done.returncode == 0
    commands = (
        "up",
        "watch",
        "settings",
        "desk",
        "history",
        "archive",
        "migrate",
        "feeds",
        "fanout",
        "gateway",
        "bench",
    )
    for command in commands:
        assert f"\n  {command} " in done.stdout


def test_a_command_nobody_knows_is_refused(tmp_path: Path) -> None:
    done = oddswire("upp", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "oddswire: error: unknown command 'upp'; `oddswire --help` lists them"


def test_other_packages_get_the_rest_of_the_line_and_give_their_exit_status(echo: str, tmp_path: Path) -> None:
    done = oddswire("bench", "fanout", "--json", "a b", cwd=tmp_path, PYTHONPATH=echo)
    assert (done.returncode, json.loads(done.stdout)) == (3, ["bench", "fanout", "--json", "a b"])


def test_a_folder_of_the_same_name_in_the_current_directory_is_not_run(echo: str) -> None:
    done = oddswire("gateway", "settings", "--json", cwd=Path(echo))
    assert done.returncode == 0
    Path(echo, "gateway").mkdir()
    Path(echo, "gateway", "__main__.py").write_text("raise SystemExit('the wrong one')")
    assert oddswire("gateway", "settings", "--json", cwd=Path(echo)).stdout == done.stdout


def test_watch_finds_the_stack_of_this_directory(echo: str, tmp_path: Path) -> None:
    (tmp_path / ".oddswire").mkdir()
    streams = ["ws://127.0.0.1:9100/v1/stream", "ws://127.0.0.1:9101/v1/stream"]
    with announced(tmp_path / ".oddswire", streams, nats_url=""):
        found = oddswire("watch", "football", cwd=tmp_path, PYTHONPATH=echo)
        named = oddswire("watch", "football", "--url=ws://there", cwd=tmp_path, PYTHONPATH=echo)
    absent = oddswire("watch", "football", cwd=tmp_path, PYTHONPATH=echo)
    assert json.loads(found.stdout) == ["fanout", "watch", "football", "--url", streams[0], "--url", streams[1]]
    assert json.loads(named.stdout) == ["fanout", "watch", "football", "--url=ws://there"]
    assert json.loads(absent.stdout) == ["fanout", "watch", "football"]


def test_a_drain_finds_the_nats_of_the_stack_of_this_directory(echo: str, tmp_path: Path) -> None:
    (tmp_path / ".oddswire").mkdir()
    drain = ("fanout", "drain", "fanout-1")
    with announced(tmp_path / ".oddswire", [], nats_url="nats://127.0.0.1:9200"):
        found = oddswire(*drain, cwd=tmp_path, PYTHONPATH=echo)
        named = oddswire(*drain, "--nats=nats://there", cwd=tmp_path, PYTHONPATH=echo)
        set_by_environment = oddswire(*drain, cwd=tmp_path, PYTHONPATH=echo, ODDSWIRE_NATS_URL="nats://there")
    absent = oddswire(*drain, cwd=tmp_path, PYTHONPATH=echo)
    assert json.loads(found.stdout) == [*drain, "--nats", "nats://127.0.0.1:9200"]
    assert json.loads(named.stdout) == [*drain, "--nats=nats://there"]
    assert json.loads(set_by_environment.stdout) == json.loads(absent.stdout) == [*drain]


def test_the_registry_is_read_where_the_stack_of_this_directory_keeps_it(echo: str, tmp_path: Path) -> None:
    (tmp_path / ".oddswire").mkdir()
    where = {"nats_url": "nats://127.0.0.1:9200", "coordination": "aerospike://a"}
    with announced(tmp_path / ".oddswire", [], **where):
        found = oddswire("fanout", "shards", cwd=tmp_path, PYTHONPATH=echo)
        drain = oddswire("fanout", "drain", "a", cwd=tmp_path, PYTHONPATH=echo)
    expected = ["fanout", "shards", "--nats", "nats://127.0.0.1:9200", "--coordination", "aerospike://a"]
    assert json.loads(found.stdout) == expected
    assert json.loads(drain.stdout) == ["fanout", "drain", "a", "--nats", "nats://127.0.0.1:9200"]


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["--shards", "0"], "--shards 0: input should be greater than or equal to 1"),
        (["--rate", "50000"], "--rate 50000: input should be less than or equal to 20000"),
        (["--rate", "-1"], "--rate -1: input should be greater than or equal to 1"),
        (["--events", "many"], "--events many: input should be a valid integer, unable to parse string as an integer"),
        (["--speed", "0"], "--speed 0: input should be greater than 0"),
        (["--speed", "nan"], "--speed nan: input should be a finite number"),
        (["--port", "70000"], "--port 70000: input should be less than or equal to 65000"),
        (["--feed", "foo"], "--feed foo: unknown feed, choose among simulator, betfair:FILE"),
        (["--feed", "betfair:absent.bz2"], "recording absent.bz2: No such file or directory"),
        (
            ["--coordination", "redis://here"],
            f"--coordination: coordination is {ADDRESSES}, not 'redis://here'",
        ),
        (["--parts", "desk"], "--parts desk: choose among nats, feeds, fanout, postgres, archive, settler, gateway"),
        (["--database", "here"], "--database: not an address such as postgresql://USER@127.0.0.1:5432/NAME"),
        (["--nats", "here"], "--nats here: not an address such as nats://127.0.0.1:4222"),
    ],
)
def test_up_refuses_bad_input_in_one_line_and_touches_nothing(
    arguments: list[str], refusal: str, tmp_path: Path
) -> None:
    done = oddswire("up", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"oddswire up: {refusal}\n")
    assert list(tmp_path.iterdir()) == []


def test_up_takes_its_options_from_the_environment_too(tmp_path: Path) -> None:
    done = oddswire("up", cwd=tmp_path, ODDSWIRE_UP_SHARDS="65")
    assert done.stderr == "oddswire up: ODDSWIRE_UP_SHARDS 65: input should be less than or equal to 64\n"


def test_a_table_is_as_wide_as_its_cells() -> None:
    rows = [{"variable": "A", "default": "long", "meaning": "m"}, {"variable": "BB", "default": "", "meaning": ""}]
    assert table(rows) == ["variable  default  meaning", "A         long     m", "BB"]


def test_settings_of_every_package_are_listed_once(tmp_path: Path) -> None:
    done = oddswire("settings", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    settings = json.loads(done.stdout)
    variables = [setting["variable"] for setting in settings]
    assert len(variables) == len(set(variables))
    assert {"ODDSWIRE_NATS_URL", "ODDSWIRE_UP_RATE"} <= set(variables)
    assert all(set(setting) == {"variable", "default", "limit", "meaning"} for setting in settings)
    lines = oddswire("settings", cwd=tmp_path).stdout.splitlines()
    assert len(lines) == 1 + len(settings)
    assert lines[0].split() == ["variable", "default", "limit", "meaning"]
