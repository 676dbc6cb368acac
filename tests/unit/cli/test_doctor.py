"""`python -m chaos doctor`: for people and for machines."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from chaos.capability import Capability
from chaos.cli.doctor import WIDTH, render
from chaos.doctor import CHECKS, CheckResult, State
from chaos.doctor.losses import Loss
from chaos.report.spans import plain

from .conftest import Invoke

RESULTS = [
    CheckResult(name="cores", state=State.OK, found="2 cores, 8GB of memory"),
    CheckResult(
        name="network namespace",
        state=State.MISSING,
        found="no network namespace can be had here: unshare: unshare failed: Operation not permitted",
        remedy="sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
        without=(Capability.KERNEL_RULES,),
        leaves_out="the target runs on the machine's own loopback",
    ),
]
LOST = [
    Loss(
        runtime="processes",
        capability=Capability.KERNEL_RULES,
        because="network namespace: not permitted",
        remedy="run as root",
        scenarios=("cleanup, dead peers",),
        cells=("vanished (closing, graceful shutdown)",),
    )
]


def test_for_people() -> None:
    assert plain(render(RESULTS, LOST)) == dedent(
        """\
        ok       cores               2 cores, 8GB of memory
        missing  network namespace   no network namespace can be had here: unshare: unshare failed:
                                     Operation not permitted
                 leaves out: the target runs on the machine's own loopback
                 remedy: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root

        Skipped on this machine:
          processes runtime, without kernel rules
            scenario  cleanup, dead peers
            fault  vanished (closing, graceful shutdown)
            because of network namespace: not permitted
            remedy: run as root
        """
    )


def test_a_machine_that_can_do_everything() -> None:
    text = plain(render(RESULTS[:1], []))
    assert text.endswith("\n\nNothing is left out: every scenario and every fault can be run here.\n")


@pytest.mark.parametrize("json_wanted", [False, True])
def test_here(chaos: Invoke, json_wanted: bool) -> None:
    result = chaos("doctor", "--json") if json_wanted else chaos("doctor")
    assert (result.code, result.err) == (0, "")
    if json_wanted:
        record = json.loads(result.out)
        assert [check["name"] for check in record["checks"]][:2] == ["system", "cores"]
        assert set(record) == {"checks", "losses"}
    else:
        assert sum(line.split(" ")[0] in set(State) for line in result.out.splitlines()) == len(CHECKS)
        assert max(map(len, result.out.splitlines())) <= WIDTH
