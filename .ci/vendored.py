"""Libraries of the desk page: files of npm packages, kept in the repository as they were distributed.

`manifest.json` beside them says of every package its version, its licence and what npm calls its integrity, and of
every file its SHA-384. A wheel or sdist is not built while a file differs (hatch runs the hook at the end of this
module), so installing needs no Node and the page no network. `make vendor` fetches the packages again, by name and
version alone, and writes the files and their digests anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("gateway/desk/page/vendor")
MANIFEST = "manifest.json"

PACK_S = 120
FILE_BYTES_MAX = 1_000_000


class VendorMismatch(Exception):
    """What is there is not what the manifest says. The text says which file, and why."""


def digest(data: bytes, algorithm: str) -> str:
    """As in a page's `integrity`: the algorithm, and base64."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def check(vendor: Path) -> list[str]:
    """The files, each with the digest of the manifest. Raises VendorMismatch."""
    named = [MANIFEST]
    for package in json.loads((vendor / MANIFEST).read_text())["packages"]:
        named += [package["licence_file"], *(file["file"] for file in package["files"])]
        for file in package["files"]:
            path = vendor / file["file"]
            if not path.is_file():
                raise VendorMismatch(f"{path} is missing: make vendor")
            if digest(path.read_bytes(), "sha384") != file["sha384"]:
                raise VendorMismatch(f"{path} is not what {MANIFEST} says of {package['name']}: make vendor")
        if not (vendor / package["licence_file"]).is_file():
            raise VendorMismatch(f"{vendor / package['licence_file']} is missing: make vendor")
    unknown = sorted({path.name for path in vendor.iterdir()} - set(named))
    if unknown:
        raise VendorMismatch(f"{vendor} holds what {MANIFEST} does not name: {', '.join(unknown)}")
    return named


def refresh(vendor: Path) -> None:
    """Fetches every package of the manifest, and writes its files and their digests. Raises VendorMismatch where a
    package is not what npm's integrity says."""
    manifest = json.loads((vendor / MANIFEST).read_text())
    for package in manifest["packages"]:
        with tempfile.TemporaryDirectory(prefix="oddswire-vendor-") as place:
            _take(package, _packed(package, Path(place)), vendor)
    (vendor / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _packed(package: dict[str, Any], place: Path) -> Path:
    """The package, as npm gives it."""
    words = ("npm", "pack", "--silent", "--pack-destination", str(place), f"{package['name']}@{package['version']}")
    subprocess.run(words, check=True, timeout=PACK_S, stdout=subprocess.DEVNULL)
    [archive] = place.glob("*.tgz")
    if digest(archive.read_bytes(), "sha512") != package["integrity"]:
        raise VendorMismatch(f"{package['name']} {package['version']} is not what it was: its integrity differs")
    return archive


def _take(package: dict[str, Any], archive: Path, vendor: Path) -> None:
    with tarfile.open(archive) as files:
        (vendor / package["licence_file"]).write_bytes(_member(files, package["licence_member"]))
        for file in package["files"]:
            data = _member(files, file["member"])
            (vendor / file["file"]).write_bytes(data)
            file["sha384"] = digest(data, "sha384")


def _member(files: tarfile.TarFile, name: str) -> bytes:
    found = files.extractfile(f"package/{name}")
    if found is None:
        raise VendorMismatch(f"{name} is no file of the package")
    with found:
        data = found.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise VendorMismatch(f"{name} is longer than {FILE_BYTES_MAX} bytes")
    return data


class VendorHook(BuildHookInterface[Any]):
    """Refuses to build what the manifest does not say."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is packed. Raises VendorMismatch."""
        del version, build_data
        check(Path(self.root) / VENDOR)


if __name__ == "__main__":
    refresh(Path(__file__).parent / VENDOR)
