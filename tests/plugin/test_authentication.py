"""A server that asks for a token on every endpoint: whoever connects to one sends what that endpoint declares."""

from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest

from chaos.report import CellOutcome, open_run, read_cells
from chaos.target import Endpoints
from tests.running import ROOT, run_pytest

SECRET = "a secret of the tests, 32 bytes or more"
HOUR = 3600

BY_ENDPOINT = {
    "echo": "tests/scenarios/test_establishment.py::test_simultaneous[calm]",
    "notices": "tests/scenarios/test_liveness.py::test_warned_client_that_answers_stays",
    "feed": "tests/scenarios/test_delivery.py::test_slow_but_steady_consumer_stays",
    "data": "tests/scenarios/test_breaker.py::test_opens_at_threshold[upstream-errors]",
    "gated": "tests/scenarios/test_accept_breaker.py::test_lets_clients_in_again[upstream-errors]",
    "resumable": "tests/scenarios/test_delivery.py::test_nothing_is_lost_through_a_reconnect[client-reset]",
}
"""A scenario that connects to each; every one needs echo besides, for its canary."""

NOT_THE_REFERENCES = {"room"}


@pytest.mark.parametrize("without", [None, pytest.param("data", marks=pytest.mark.slow)])
def test_every_endpoint_is_told(without: str | None, tmp_path: Path) -> None:
    assert set(BY_ENDPOINT) | NOT_THE_REFERENCES == set(Endpoints.model_fields)
    file = tmp_path / "target.toml"
    file.write_text(_asking_for_tokens(without))
    ended = run_pytest(
        [*BY_ENDPOINT.values(), f"--chaos-target={file}", "--chaos-runtime=processes"], directory=tmp_path
    )
    outcomes = {cell.node: cell.outcome for cell in read_cells(open_run(tmp_path, "latest"))}
    held = {name for name, node in BY_ENDPOINT.items() if outcomes[node] is CellOutcome.HELD}
    assert held == set(BY_ENDPOINT) - {without}, ended.stdout
    assert ("rejected WebSocket connection: HTTP 401" in ended.stdout) is (without is not None)


def _asking_for_tokens(without: str | None) -> str:
    """The reference's target, its server asking for tokens, with one for each endpoint but that."""
    reference = ROOT / "targets" / "reference"
    text = (reference / "target.toml").read_text(encoding="utf-8")
    text = text.replace('build = "."\n', f'directory = "{reference}"\n')
    text = text.replace("[start.environment]\n", f'[start.environment]\nWEBSOCKET_JWT_SECRET = "{SECRET}"\n')
    token = jwt.encode({"exp": time.time() + HOUR}, SECRET, algorithm="HS256")
    for name in set(BY_ENDPOINT) - {without}:
        head = f"[endpoints.{name}]\n"
        text = text.replace(head, f'{head}headers = {{ Authorization = "Bearer {token}" }}\n')
    return text
