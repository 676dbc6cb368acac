"""Where an agent can be put: into namespaces of its own, into those of a container, or nowhere special.

Whether a namespace can be had is found out by making one: kernels, distributions and containers forbid it in too many
ways to read it from settings. The settings are only read to name the remedy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from chaos.capability import Availability
from chaos.errors import ToolMissing

__all__ = ["BUCKETS", "Isolation", "Kind", "ProbedIsolation", "probe_isolation", "remedy", "try_isolation"]

_OWN = ("--net", "--pid", "--fork", "--kill-child")
_USER = ("--user", "--map-root-user")

BUCKETS = 4096
"""Of the hash table that the kernel keeps a namespace's TCP connections in: as many as one ever has connections here.

Every list of sockets walks all of it, whosever they are. Without one of its own a namespace shares the machine's, which
grows with its memory: 262,144 buckets with 24 GiB, and a look at the server's connections took 4.4 ms of a core, twenty
times a second. With this one it takes 0.13 ms.
"""
_SMALL_TABLE = f'{{ echo {BUCKETS} >/proc/sys/net/ipv4/tcp_child_ehash_entries; }} 2>/dev/null; exec "$@"'
"""Said in a network namespace, it holds for those that are made in it (Linux 6.1); an older kernel shares one table."""

_PROBE_WITHIN = 10.0
"""Seconds for making a namespace and one interpreter in it, which takes 30 ms."""


class Kind(StrEnum):
    """The value is what reports print."""

    ROOT = "own network and pid namespace, as root"
    USER = "own network and pid namespace in an unprivileged user namespace"
    PLAIN = "no namespace of its own"
    JOINED = "the network namespace of a container"


@dataclass(frozen=True, slots=True)
class Isolation:
    """One way to start the agent."""

    kind: Kind
    network: Path | None = None
    """JOINED only: the network namespace's file, such as /proc/PID/ns/net."""

    @classmethod
    def joined(cls, network: Path | int) -> Isolation:
        """Join the network namespace of a process (by pid) or of a file."""
        return cls(Kind.JOINED, Path(f"/proc/{network}/ns/net") if isinstance(network, int) else network)

    @property
    def hermetic(self) -> bool:
        """The agent has a network of its own, with nothing but loopback, and is PID 1 of its pid namespace."""
        return self.kind in (Kind.ROOT, Kind.USER)

    def prefix(self) -> list[str]:
        """The program and its options that the agent's command line is put behind. Raises ToolMissing."""
        if self.kind is Kind.PLAIN:
            return []
        tool = "nsenter" if self.kind is Kind.JOINED else "unshare"
        program = shutil.which(tool)
        if program is None:
            raise ToolMissing(f"{tool} is not installed; install util-linux")
        if self.kind is Kind.JOINED:
            return [program, f"--net={self.network}"]
        user = _USER if self.kind is Kind.USER else ()
        return [program, *user, "--net", "--", "sh", "-c", _SMALL_TABLE, "sh", program, *_OWN]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedIsolation:
    """The best isolation this machine offers, and whether it is a hermetic one."""

    isolation: Isolation
    hermetic: Availability


def probe_isolation(*, python: str = sys.executable) -> ProbedIsolation:
    """Try for real, best first. Takes 20 ms where it works; nothing is left behind."""
    kinds = (Kind.ROOT, Kind.USER) if os.geteuid() == 0 else (Kind.USER,)
    for kind in kinds:
        found = try_isolation(Isolation(kind), python=python)
        if found.available:
            return ProbedIsolation(isolation=Isolation(kind), hermetic=found)
    return ProbedIsolation(isolation=Isolation(Kind.PLAIN), hermetic=found)


def try_isolation(isolation: Isolation, *, python: str = sys.executable) -> Availability:
    """Whether this isolation can be had, found out by making it and running an interpreter in it."""
    if not isolation.hermetic:
        return Availability.yes()
    script = Path(__file__).with_name("loopback.py")
    try:
        done = subprocess.run(
            [*isolation.prefix(), python, "-I", "-S", str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_WITHIN,
            check=False,
        )
    except ToolMissing as error:
        reason, _, what_to_do = str(error).partition("; ")
        return Availability.no(reason, remedy=what_to_do)
    except subprocess.TimeoutExpired:
        return Availability.no(f"unshare did not end within {_PROBE_WITHIN:g} s", remedy=remedy())
    if done.returncode == 0:
        return Availability.yes()
    said = " ".join(done.stderr.split())[-300:] or f"unshare ended with exit code {done.returncode}"
    return Availability.no(f"{isolation.kind.value} cannot be had: {said}", remedy=remedy())


def remedy(root: Path = Path("/")) -> str:
    """What would allow namespaces, from the settings that forbid them on the machine whose files begin at `root`."""
    for setting, forbids, allows in (
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("user.max_user_namespaces", "0", "10000"),
        ("user.max_net_namespaces", "0", "10000"),
    ):
        file = root / "proc" / "sys" / setting.replace(".", "/")
        if file.exists() and file.read_text(encoding="ascii").strip() == forbids:
            return f"sudo sysctl -w {setting}={allows}, or run as root"
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return "start this container with --privileged, or with --cap-add SYS_ADMIN --security-opt seccomp=unconfined"
    return "run as root, or where unprivileged user namespaces are allowed"
