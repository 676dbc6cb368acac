"""Every incident is red before its fix, with the words that name it, and green after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chaos.cli.incident import run_variants
from chaos.report.incident import judge_incident
from chaos.report.incident_file import load_incident
from tests.detection.__main__ import INCIDENTS
from tests.running import ROOT, RUNTIMES

WITHIN = 1800
"""Seconds for all variants: the hub takes 140 s on two cores under a load of 11."""

pytestmark = [pytest.mark.detection, pytest.mark.slow, pytest.mark.timeout(WITHIN)]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("folder", INCIDENTS, ids=lambda folder: folder.name)
def test_reproduced_and_fixed(folder: Path, runtime: str, tmp_path: Path) -> None:
    incident = load_incident(folder)
    if runtime in incident.not_in:
        pytest.skip(incident.not_in[runtime])
    _make_environments(folder)
    ran = run_variants(incident, runtime=runtime, state=tmp_path, collect=["tests/scenarios"])
    verdict = judge_incident(incident, ran, runtime=runtime)
    assert verdict.not_reproduced == ()
    assert verdict.not_fixed == ()


def _make_environments(folder: Path) -> None:
    make = [sys.executable, str(ROOT / "targets/environments.py"), str(folder)]
    able = subprocess.run([*make, "--able"], check=True, capture_output=True, text=True)
    if not able.stdout:
        pytest.skip(able.stderr.strip())
    subprocess.run(make, check=True)
