"""Secrets that stand in files that git knows, by detect-secrets. What only looks like one says so in its line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[2]

_PLUGINS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "GitHubTokenDetector",
    "GitLabTokenDetector", "JwtTokenDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector",
    "PypiTokenDetector", "SlackDetector", "StripeDetector", "TwilioKeyDetector",
)  # fmt: skip
"""Those that know a form. Guesses by entropy find hashes, of which there are many here, and no secret."""

_PLACEHOLDER = re.compile(r"://\w+:(secret|PASSWORD)@")
"""Passwords of addresses in tests and in texts for people; a real one is another word."""

_BINARY = frozenset({".png", ".gz", ".bz2", ".zst", ".woff2"})


def found() -> list[str]:
    """`file:line: what it looks like`."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    with transient_settings({"plugins_used": [{"name": name} for name in _PLUGINS]}):
        secrets = SecretsCollection(root=str(ROOT))
        for name in filter(None, names.split("\0")):
            if Path(name).suffix not in _BINARY and (ROOT / name).is_file():
                secrets.scan_file(name)
        return sorted(
            f"{name}:{one.line_number}: {one.type}" for name, one in secrets if not _is_placeholder(name, one)
        )


def _is_placeholder(name: str, one: PotentialSecret) -> bool:
    line = (ROOT / name).read_text().splitlines()[one.line_number - 1]
    return one.type == "Basic Auth Credentials" and _PLACEHOLDER.search(line) is not None
