"""Known vulnerabilities of what is installed, by pip-audit. Where the index here tells none, that is said, not passed
over: such a run proves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

LIMIT_S = 120


class Audit(NamedTuple):
    """`audited`: packages of which advisories were read; `unknown`: of which none could be; `vulnerable`: in words."""

    audited: int
    unknown: int
    vulnerable: list[str]


def audit() -> Audit:
    """Audits this environment. Raises RuntimeError where pip-audit itself does not work."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--local",
        "--skip-editable",
        "--format=json",
        "--progress-spinner=off",
    ]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError as error:
        raise RuntimeError(done.stderr.decode(errors="replace")) from error
    read = [package for package in packages if "skip_reason" not in package]
    vulnerable = [
        f"{package['name']} {package['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or 'none'}"
        for package in read
        for known in package["vulns"]
    ]
    return Audit(len(read), len(packages) - len(read), vulnerable)
