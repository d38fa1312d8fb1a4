"""`python -m tests.supply`: what we ship and what is in it. Writes the list of licences and build/sbom.json
(CycloneDX), and exits with 1 for a vulnerability, a licence that is not taken, or a secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.supply import audit, licences, secrets

LICENCES = secrets.ROOT / "helm" / "LICENCES.md"
SBOM = secrets.ROOT / "build" / "sbom.json"


def main() -> int:
    """All of it."""
    packages = licences.licensed()
    LICENCES.write_text(licences.page(packages))
    SBOM.parent.mkdir(exist_ok=True)
    command = ["cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON", "-o", str(SBOM), sys.executable]
    subprocess.run([sys.executable, "-m", *command], check=True)
    seen = audit.audit()
    findings = [f"licence: {one.name} says {one.licence or 'nothing'}" for one in packages if not one.taken]
    findings += [f"secret: {one}" for one in secrets.found()] + [f"vulnerable: {one}" for one in seen.vulnerable]
    for finding in findings:
        print(finding)
    print(f"{len(packages)} packages, {LICENCES.relative_to(Path.cwd())}, {SBOM.relative_to(Path.cwd())}")
    print(f"advisories were read of {seen.audited} packages, of {seen.unknown} there were none to be had here")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
