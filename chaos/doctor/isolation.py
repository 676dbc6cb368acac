"""The hermetic network namespace, and what can be done to packets and sockets in it: asked of a real agent there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from chaos.agent.hermetic import ProbedIsolation, launch_agent, probe_isolation
from chaos.agent.own_disk import disk_availability
from chaos.agent.types import Hello
from chaos.capability import Availability, Capability
from chaos.doctor.result import CheckResult, State

__all__ = [
    "cpu_limit",
    "memory_limit",
    "namespaces",
    "narrow_line",
    "netem",
    "nftables",
    "own_disk",
    "packet_loss",
    "reset_rules",
    "socket_kill",
    "socket_probe",
    "tcp_repair",
]

_OF_ITS_OWN = (
    Capability.KERNEL_RULES,
    Capability.PACKET_LOSS,
    Capability.INJECTED_RESETS,
    Capability.BOTTLENECK,
    Capability.SOCKET_KILL,
)
"""What is done to a network of the target's own only."""

_NETEM_IS_OPTIONAL = "nothing, it is optional: the proxy delays and nftables loses packets without it"
_REPAIR_IS_OPTIONAL = "nothing, it is optional: a client that vanishes is cut off by nftables"

_NETEM_WITHIN = 10.0
"""Seconds for making a namespace and one call of tc, which take 30 ms."""


def namespaces() -> CheckResult:
    """A network namespace of the target's own: nothing can leave it, and no port collides."""
    probed = _probed()
    if probed.hermetic.available:
        return CheckResult(name="network namespace", state=State.OK, found=probed.isolation.kind.value)
    return CheckResult(
        name="network namespace",
        state=State.MISSING,
        found=probed.hermetic.reason,
        remedy=probed.hermetic.remedy,
        without=_OF_ITS_OWN,
        leaves_out="the target runs on the machine's own loopback",
    )


def nftables() -> CheckResult:
    """Rules that cut single connections off."""
    return _inside("nftables", "nft", good="rules can be set", gives=Capability.KERNEL_RULES)


def packet_loss() -> CheckResult:
    """Rules that drop a share of the packets."""
    return _inside(
        "packet loss", "nft_loss", good="a share of the packets can be dropped", gives=Capability.PACKET_LOSS
    )


def reset_rules() -> CheckResult:
    """Rules that answer packets with RST."""
    return _inside("resets", "nft_reset", good="packets can be answered with RST", gives=Capability.INJECTED_RESETS)


def narrow_line() -> CheckResult:
    """A line that some connections share and that is too narrow for them."""
    return _inside("narrow line", "narrow_line", good="connections can share a line", gives=Capability.BOTTLENECK)


def socket_kill() -> CheckResult:
    """Killing another process's sockets, as `ss -K` does; many kernels are built without it."""
    return _inside("SOCK_DESTROY", "sock_destroy", good="sockets can be killed", gives=Capability.SOCKET_KILL)


def socket_probe() -> CheckResult:
    """The kernel's own list of sockets."""
    return _asked("sock_diag", "sock_diag", good="the kernel lists sockets", without=(Capability.SOCKET_PROBE,))


def tcp_repair() -> CheckResult:
    """Closing a socket without a word: a client that vanishes."""
    return _asked(
        "TCP_REPAIR",
        "tcp_repair",
        good="sockets can vanish without FIN or RST",
        leaves_out=_REPAIR_IS_OPTIONAL,
    )


def cpu_limit() -> CheckResult:
    """A quota on the CPU of a server that runs, by its control group."""
    return _asked("CPU limit", "cpu_limit", good="a server's CPU can be limited", without=(Capability.CPU_LIMIT,))


def memory_limit() -> CheckResult:
    """A limit on the memory of a server that runs, by its control group."""
    return _asked(
        "memory limit", "memory_limit", good="a server's memory can be limited", without=(Capability.MEMORY_LIMIT,)
    )


def own_disk() -> CheckResult:
    """A disk of a server's own, mounted where nobody else sees it, to be filled up."""
    found = disk_availability(_probed().isolation.prefix())
    if found.available:
        return CheckResult(name="disk", state=State.OK, found="a server can be given a disk of its own")
    return CheckResult(
        name="disk", state=State.MISSING, found=found.reason, remedy=found.remedy, without=(Capability.DISK,)
    )


def netem() -> CheckResult:
    """Packet loss and delay by the kernel's own emulator; many kernels are built without it."""
    if not _probed().hermetic.available:
        return _nowhere("netem", leaves_out=_NETEM_IS_OPTIONAL)
    tc = shutil.which("tc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if tc is None:
        return CheckResult(
            name="netem",
            state=State.MISSING,
            found="tc is not installed",
            remedy="install iproute2",
            leaves_out=_NETEM_IS_OPTIONAL,
        )
    done = subprocess.run(
        [*_probed().isolation.prefix(), tc, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_NETEM_WITHIN,
        check=False,
    )
    if done.returncode == 0:
        return CheckResult(name="netem", state=State.OK, found="delay can be set on an interface")
    return CheckResult(
        name="netem",
        state=State.MISSING,
        found=f"this kernel has none ({' '.join(done.stderr.split()) or f'tc ended with {done.returncode}'})",
        remedy="modprobe sch_netem, or a kernel with CONFIG_NET_SCH_NETEM",
        leaves_out=_NETEM_IS_OPTIONAL,
    )


def _inside(name: str, ability: str, *, good: str, gives: Capability) -> CheckResult:
    """What the agent says it can in a network of the target's own."""
    if not _probed().hermetic.available:
        return _nowhere(name, without=(gives,))
    return _asked(name, ability, good=good, without=(gives,))


def _asked(
    name: str, ability: str, *, good: str, without: tuple[Capability, ...] = (), leaves_out: str = ""
) -> CheckResult:
    """What the agent says it can."""
    found = _hello().can.get(ability) or Availability.no("the agent does not know it", remedy="update the agent")
    if found.available:
        return CheckResult(name=name, state=State.OK, found=good)
    return CheckResult(
        name=name,
        state=State.MISSING,
        found=found.reason,
        remedy=found.remedy,
        without=without,
        leaves_out=leaves_out,
    )


def _nowhere(name: str, *, without: tuple[Capability, ...] = (), leaves_out: str = "") -> CheckResult:
    """For what would touch the machine's own network if it were tried without a namespace."""
    return CheckResult(
        name=name,
        state=State.MISSING,
        found="not tried: without a network namespace it would act on this machine's own traffic",
        remedy=_probed().hermetic.remedy,
        without=without,
        leaves_out=leaves_out,
    )


@cache
def _probed() -> ProbedIsolation:
    return probe_isolation()


@cache
def _hello() -> Hello:
    """The word of an agent in the best place there is."""
    with tempfile.TemporaryDirectory(prefix="chaos-doctor-") as directory:
        socket = Path(directory) / "agent"
        with launch_agent(socket=socket, isolation=_probed().isolation) as agent, agent.client() as client:
            return client.hello()
