"""Who started a thing: a token that tells, on this machine and for ever, whether its owner is still alive.

Everything a run starts carries the token: containers and networks in a label, processes in their environment, state
directories in their name. The next run reaps what has a dead owner, and leaves alone what has a living one.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["OWNER_VARIABLE", "Owner"]

OWNER_VARIABLE = "CHAOS_OWNER"
"""The environment variable that marks every process of a run."""

_TOKEN = re.compile(r"(?P<pid>[0-9]{1,10})-(?P<started>[0-9]{1,20})-(?P<scope>[0-9a-f]{8})-(?P<random>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process that owns what it starts; `pid` and `started` together are never used twice in one `scope`."""

    pid: int
    started: int
    """Clock ticks from boot to the start of the process (field 22 of /proc/PID/stat)."""
    scope: str
    """Names the boot and pid namespace that `pid` counts in. An engine's socket may be shared with containers or
    other machines whose pids mean nothing here."""
    random: str

    @classmethod
    def current(cls) -> Owner:
        """This process, with a random part of its own: one run."""
        pid = os.getpid()
        started = _start_ticks(pid)
        if started is None:
            raise RuntimeError(f"this process, {pid}, is not to be seen in the process table")
        return cls(pid=pid, started=started, scope=_scope(), random=secrets.token_hex(4))

    @classmethod
    def parse(cls, token: str) -> Owner | None:
        """The owner a token names, or None where it is not one."""
        matched = _TOKEN.fullmatch(token)
        if matched is None:
            return None
        return cls(
            pid=int(matched["pid"]), started=int(matched["started"]), scope=matched["scope"], random=matched["random"]
        )

    @property
    def token(self) -> str:
        """`PID-STARTED-SCOPE-RANDOM`."""
        return f"{self.pid}-{self.started}-{self.scope}-{self.random}"

    @property
    def local(self) -> bool:
        """Whether its pid counts in this boot and pid namespace, so that `alive` can be known."""
        return self.scope == _scope()

    def alive(self) -> bool:
        """Whether it may still run: unknown counts as alive, so that nothing of a living owner is ever reaped."""
        return not self.local or _start_ticks(self.pid) == self.started


def _start_ticks(pid: int) -> int | None:
    """Start of a process in clock ticks since boot; None where there is none, or only a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The second field, the program's name in parentheses, may itself hold spaces and parentheses.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time() * 100)
    except psutil.NoSuchProcess:
        return None


def _scope() -> str:
    """Eight hex digits that name this boot of this machine, and the pid namespace we are in."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    if boot.exists():
        identity = boot.read_text(encoding="ascii").strip() + os.readlink("/proc/self/ns/pid")
    else:
        identity = f"{os.uname().nodename}{psutil.boot_time():.0f}"
    return hashlib.sha256(identity.encode()).hexdigest()[:8]
