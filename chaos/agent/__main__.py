"""`python -m chaos.agent --socket PATH`: the agent's process, from its start to its certain death."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from functools import cache
from pathlib import Path

if not __package__:  # started as a file, with -I -S: four times as fast as -m, and blind to the user's site-packages
    sys.path.insert(0, str(Path(__file__).parents[2]))

from chaos.agent.death import kill_descendants, until_told_to_end
from chaos.agent.group_limits import GroupLimits
from chaos.agent.identity import Identity, identify, own_pid
from chaos.agent.loopback import bring_up_loopback
from chaos.agent.nftables import KernelRules
from chaos.agent.operations.hello import hello_operations
from chaos.agent.operations.kernel import kernel_operations
from chaos.agent.operations.limits import limit_operations
from chaos.agent.operations.processes import process_operations
from chaos.agent.operations.recording import recording_operations
from chaos.agent.operations.shaping import shaping_operations
from chaos.agent.prctl import become_subreaper
from chaos.agent.protocol import check_socket_path
from chaos.agent.reading import Reader
from chaos.agent.reaper import Reaper
from chaos.agent.recorder import Recorder
from chaos.agent.sampler import Sampler
from chaos.agent.server import Server, listen
from chaos.agent.shaping import Shaper
from chaos.agent.sockdiag import SockDiag
from chaos.agent.spawner import Spawner
from chaos.agent.types import Spawned
from chaos.errors import ChaosError

__all__ = ["main"]

_CONTROL = 0
"""The control pipe is standard input."""
_KILL_WITHIN = 5.0
"""Seconds for everything spawned to be gone; what the kernel cannot kill (uninterruptible sleep) is named then."""


def main() -> int:
    options = _parse()
    try:
        if options.loopback:
            bring_up_loopback()
        if os.getpid() != 1:
            become_subreaper()
        return asyncio.run(_run(options))
    except (ChaosError, OSError) as error:
        print(f"chaos.agent: {error}", file=sys.stderr)
        return 1


async def _run(options: argparse.Namespace) -> int:
    path = check_socket_path(options.socket)
    listener = listen(path)
    limits = GroupLimits(token=options.token)
    recorder, reaper, reader = Recorder(), Reaper(), Reader(throttled=limits.throttled)
    diag = cache(SockDiag)  # opened when it is first needed: an agent without it is of use too
    sampler = Sampler(recorder, throttled=limits.throttled)

    def ended(process: Spawned) -> None:
        if sampler.plan is not None and sampler.plan.name == process.name:
            recorder.server_exited(pid=process.pid, exit_code=process.exit_code or 0, name=process.name)

    markers = {"CHAOS_OWNER": options.owner, "CHAOS_AGENT": options.token}
    spawner = Spawner(reaper, markers=markers, ended=ended)
    rules, shaper = KernelRules(reaper, table=f"chaos_{options.token}"), Shaper(reaper)
    server = Server(
        {
            **hello_operations(rules, shaper, token=options.token),
            **process_operations(spawner, diag),
            **limit_operations(limits),
            **kernel_operations(rules, diag),
            **shaping_operations(shaper),
            **recording_operations(recorder, sampler, spawner, reader),
        }
    )
    serving = asyncio.create_task(server.serve(listener))
    try:
        ending = asyncio.create_task(until_told_to_end(control=_CONTROL, owner=_owner(options.owner_pid)))
        _tell_ready(path)
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()  # it serves until it is cancelled: this raises what ended it
        print(f"chaos.agent: ends because {ending.result()}", file=sys.stderr, flush=True)
    finally:
        path.unlink(missing_ok=True)
        serving.cancel()
        left = kill_descendants(within=_KILL_WITHIN)
        if left:
            print(f"chaos.agent: cannot kill {left}: the kernel does not let them go", file=sys.stderr, flush=True)
    await asyncio.gather(serving, return_exceptions=True)
    listener.close()
    await rules.flush()
    await shaper.widen()
    limits.close()
    reaper.close()
    sampler.stop()
    recorder.close()
    return 1 if left else 0


def _owner(pid: int) -> Identity | None:
    """The process to outlive nobody without; one that is gone already is given as such."""
    return (identify(pid) or Identity(pid=pid, started=-1)) if pid else None


def _tell_ready(path: Path) -> None:
    """One line on standard output, which is then closed: whoever started the agent waits for it."""
    print(json.dumps({"ready": str(path), "pid": own_pid()}), flush=True)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.close(quiet)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos.agent", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the unix socket to listen on")
    parser.add_argument("--token", default=f"pid{own_pid()}", help="names the nftables table, marks what it spawns")
    parser.add_argument("--owner", default="", help="the run that owns it, put into CHAOS_OWNER of what it spawns")
    parser.add_argument("--owner-pid", type=int, default=0, help="it ends when this process (pid of /proc) is gone")
    parser.add_argument("--loopback", action="store_true", help="set lo up, which in a new namespace is down")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
