"""Settings that contradict each other are refused in words; development keys are for laptops alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from feeds.adapters.server import free_port
from gateway.access.development import FILE, development_keys
from gateway.access.errors import NoDevelopmentKeys
from gateway.access.secret import id_of
from gateway.access.settings import AccessSettings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"development_dir": "x"}, "not taken in production"),
        ({"issuer": "https://issuer.example"}, "ODDSWIRE_ACCESS_AUDIENCE"),
        ({"jwks_url": "https://issuer.example/jwks"}, "ODDSWIRE_ACCESS_ISSUER"),
        ({"issuer": "http://issuer.example", "audience": "a"}, "https"),
        ({"issuer": "file:///etc/passwd", "audience": "a"}, "https"),
        ({"algorithms": "none"}, "RS256"),
        ({"algorithms": "HS256"}, "RS256"),
        ({"algorithms": "RS256,HS256"}, "RS256"),
        ({"algorithms": ""}, "at least 1"),
        ({"origins": "app.example"}, "SCHEME"),
        ({"origins": "https://app.example/"}, "SCHEME"),
        ({"plan": "golden"}, "no such plan"),
        ({"poll_s": 5}, "2.5"),
    ],
)
def test_what_contradicts_itself_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AccessSettings.model_validate(given)


def test_an_issuer_on_this_machine_may_do_without_tls() -> None:
    settings = AccessSettings.model_validate({"issuer": "http://127.0.0.1:9/x", "audience": "a"})
    assert settings.algorithms == ("RS256", "PS256", "ES256", "EdDSA")


def test_development_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    made = development_keys(tmp_path)
    assert development_keys(tmp_path) == made
    assert id_of(made.key.encode()) is not None
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / FILE).parent.iterdir()] == [FILE.name]
    assert made.key not in repr(made)
    assert "d" not in made.public["keys"][0]


def _opened(path: Path) -> None:
    path.chmod(0o644)


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _of_another_kind(path: Path) -> None:
    path.write_bytes(b"[]")


@pytest.mark.parametrize("spoil", [_opened, _emptied, _of_another_kind])
def test_a_file_that_others_read_or_nobody_understands_is_not_used(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    key = development_keys(tmp_path).key
    spoil(tmp_path / FILE)
    with pytest.raises(NoDevelopmentKeys) as refused:
        development_keys(tmp_path)
    assert key not in str(refused.value)


def test_a_gateway_in_production_does_not_start_with_development_keys(tmp_path: Path) -> None:
    words = ("-m", "gateway", "serve", "--port", str(free_port()))
    environment = {**os.environ, "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "development keys are not taken in production" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_token_of_the_development_issuer_by_the_command_line(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("oddswire")), "dev", "token", *words],
            env={**os.environ, "ODDSWIRE_UP_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = run("--account", "a", "--scopes", "odds,bets")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(".") == 2
    assert (tmp_path / FILE).exists()
    for bad in (("--account", "a b", "--scopes", "odds"), ("--account", "a", "--scopes", "all")):
        assert run(*bad).returncode == 2
