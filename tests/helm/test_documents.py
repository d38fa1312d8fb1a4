"""What is written from other things is what those say today."""

from __future__ import annotations

import re
import subprocess
import sys

import yaml

from tests.helm import queries
from tests.helm.chart import ROOT

README = (ROOT / "helm/README.md").read_text()


def test_schema_dashboards_and_table_of_values_are_todays() -> None:
    command = [sys.executable, str(ROOT / "helm/generate.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_chart_and_product_have_one_version() -> None:
    chart = yaml.safe_load((ROOT / "helm/oddswire/Chart.yaml").read_text())
    product = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert product is not None
    assert chart["appVersion"] == product[1]


def test_every_alert_has_its_lines_in_the_runbook() -> None:
    places = set(re.findall(r'<a id="([a-z-]+)"></a>', README))
    wanted = {
        rule["annotations"]["runbook"].partition("#")[2]
        for path in queries.RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert wanted <= places, sorted(wanted - places)
