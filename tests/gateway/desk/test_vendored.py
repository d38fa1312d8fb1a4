"""Libraries of the desk's page: what the manifest says is what is there, and nothing is built where it is not."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
VENDOR = ROOT / "gateway/desk/page/vendor"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendored", ROOT / ".ci/vendored.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(VENDOR, tmp_path / "vendor")


def test_every_file_is_what_the_manifest_says(build: ModuleType) -> None:
    named = build.check(VENDOR)
    assert {"preact.js", "htm.js", "uplot.js", "uplot.css", "manifest.json"} <= set(named)
    for package in json.loads((VENDOR / "manifest.json").read_text())["packages"]:
        assert package["integrity"].startswith("sha512-")
        assert package["licence"] in ("MIT", "Apache-2.0")


def test_a_file_that_differs_is_refused(build: ModuleType, copy: Path) -> None:
    (copy / "preact.js").write_text((copy / "preact.js").read_text() + " ")
    with pytest.raises(build.VendorMismatch, match=r"preact\.js is not what"):
        build.check(copy)


def test_a_missing_or_unknown_file_is_refused(build: ModuleType, copy: Path) -> None:
    (copy / "more.js").touch()
    with pytest.raises(build.VendorMismatch, match=r"more\.js"):
        build.check(copy)
    (copy / "more.js").unlink()
    (copy / "htm.LICENSE").unlink()
    with pytest.raises(build.VendorMismatch, match="missing"):
        build.check(copy)


def test_no_wheel_is_built_with_a_file_that_differs(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "gateway/desk", tree / "gateway/desk", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / ".ci").mkdir()
    for name in ("pyproject.toml", ".ci/vendored.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    for package in ("feeds", "fanout", "bench"):
        (tree / package).mkdir()
        (tree / package / "__init__.py").touch()
    (tree / "gateway/desk/page/vendor/htm.js").write_text("export default () => fetch('https://elsewhere.example');")
    done = subprocess.run(
        (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "out", tree),
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "htm.js is not what manifest.json says" in done.stdout + done.stderr
    assert not list(tmp_path.glob("out/*.whl"))
