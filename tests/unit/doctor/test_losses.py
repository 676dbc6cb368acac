"""What a missing capability leaves out, by the marks of the scenarios and the needs of the faults."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from chaos.capability import Capability
from chaos.doctor.losses import losses
from chaos.doctor.result import CheckResult, State
from chaos.doctor.scenarios import SCENARIOS, Scenario, scenarios
from chaos.faults import ClientReset, Latency, Vanished

MISSING = CheckResult(
    name="nftables",
    state=State.MISSING,
    found="nft is not installed",
    remedy="install nftables",
    without=(Capability.KERNEL_RULES, Capability.SOCKET_PROBE),
)
CLEANUP = Scenario(
    promise="cleanup",
    name="dead peers",
    needs=frozenset({Capability.SOCKET_PROBE}),
    faults=("Vanished", "ClientReset"),
)
DELIVERY = Scenario(promise="leak_free", name="nothing kept", needs=frozenset(), faults=("Vanished",))


def test_nothing_is_lost_where_nothing_is_missing() -> None:
    assert losses([CheckResult(name="x", state=State.OK, found="y")]) == []


def test_scenarios_and_single_cells_are_told_apart() -> None:
    assert Capability.KERNEL_RULES in Vanished.needs
    rules, sockets = losses([MISSING], asked=[CLEANUP, DELIVERY], faults=[Vanished, Latency])
    assert rules.scenarios == ()
    assert rules.cells == ("vanished (cleanup, dead peers; leak free, nothing kept)",)
    assert (rules.because, rules.remedy) == ("nftables: nft is not installed", "install nftables")
    assert sockets.scenarios == ("cleanup, dead peers",)
    assert sockets.cells == ("vanished (leak free, nothing kept)",), "what is left out altogether is not said twice"


def test_what_is_lost_twice_is_said_once() -> None:
    assert len(losses([MISSING, MISSING], asked=[CLEANUP], faults=[ClientReset])) == 2


def test_scenarios_are_read_from_their_marks(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        dedent(
            """
            import pytest
            pytestmark = [pytest.mark.chaos, pytest.mark.needs(Capability.UPSTREAM, endpoints=["data"])]

            @pytest.mark.promise("breaker", "opens", expects="e", because="b")
            @pytest.mark.needs(Capability.SIGNALS)
            @pytest.mark.faults(None, UpstreamDown(), Latency(delay=1))
            async def test_opens(experiment): ...

            @pytest.mark.promise("breaker", "tries")
            @pytest.mark.faults(Reset(), Composed(parts=(Latency(delay=1), Reset())))
            async def test_tries(experiment): ...

            @pytest.mark.promise("breaker", "closes")
            def test_closes(experiment): ...

            def test_no_scenario(): ...
            def helper(): ...
            """
        )
    )
    both = frozenset({Capability.UPSTREAM, Capability.SIGNALS})
    assert scenarios(tmp_path) == [
        Scenario(promise="breaker", name="opens", needs=both, faults=("UpstreamDown", "Latency")),
        Scenario(promise="breaker", name="tries", needs=frozenset({Capability.UPSTREAM}), faults=("Reset", "Latency")),
        Scenario(promise="breaker", name="closes", needs=frozenset({Capability.UPSTREAM}), faults=()),
    ]
    assert scenarios(tmp_path / "nowhere") == []


def test_every_scenario_of_the_suite_is_read() -> None:
    marked = sum(path.read_text().count("pytest.mark.promise(") for path in SCENARIOS.glob("test_*.py"))
    found = scenarios()
    assert len(found) == marked
    assert marked > 10
    text = "".join(path.read_text() for path in SCENARIOS.glob("test_*.py"))
    named = set(re.findall(r"Capability\.([A-Z_]+)", text))
    assert {capability.name for scenario in found for capability in scenario.needs} <= named
