"""What this machine can do, what that leaves out, and the remedy for each.

A check is a small function without arguments that tries the thing itself and leaves nothing behind; `CHECKS` lists
them in the order in which they are shown.
"""

from __future__ import annotations

from collections.abc import Callable

from chaos.doctor import containers, host, isolation
from chaos.doctor.result import CheckResult, State

__all__ = ["CHECKS", "CheckResult", "State", "examine"]

Check = Callable[[], CheckResult]

CHECKS: tuple[Check, ...] = (
    host.system,
    host.cores,
    host.root,
    host.open_files,
    host.clock,
    host.cgroup,
    isolation.namespaces,
    isolation.nftables,
    isolation.packet_loss,
    isolation.reset_rules,
    isolation.socket_kill,
    isolation.socket_probe,
    isolation.tcp_repair,
    isolation.cpu_limit,
    isolation.memory_limit,
    isolation.narrow_line,
    isolation.netem,
    isolation.own_disk,
    host.own_clock,
    containers.engine,
    containers.python_image,
    containers.toxiproxy_image,
    containers.toxiproxy_program,
)


def examine() -> list[CheckResult]:
    """Every check's result. A check that fails in a way it did not foresee is a result too, never the end of all."""
    return [_guarded(check) for check in CHECKS]


def _guarded(check: Check) -> CheckResult:
    try:
        return check()
    except Exception as error:  # a doctor who faints at an unknown illness helps nobody
        return CheckResult(
            name=check.__name__.replace("_", " "),
            state=State.UNKNOWN,
            found=f"the check itself failed: {type(error).__name__}: {error}",
            remedy="this is a bug of the doctor; please report it with this line",
        )
