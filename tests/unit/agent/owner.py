"""An owner to kill: `python -m tests.unit.agent.owner KIND DIRECTORY [fork]`.

It starts an agent with a stubborn tree, prints [pid, start time] of all of them as JSON, and waits until its standard
input ends. With `fork` it has a child that holds a copy of the control pipe; that child is the last of those printed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from chaos.agent.hermetic import launch_agent
from chaos.agent.isolation import Isolation, Kind

from .support import identities, start_tree


def main(kind: str, directory: Path, *, fork: bool) -> None:
    agent = launch_agent(socket=directory / "agent.sock", isolation=Isolation(Kind[kind]), owner="owner")
    with agent.client() as client:
        everything = [*start_tree(client, directory), *identities([agent.pid])]
    if fork:
        child = os.fork()
        if child == 0:
            while True:
                signal.pause()
        everything += identities([child])
    print(json.dumps([[process.pid, process.started] for process in everything]), flush=True)
    sys.stdin.read()
    os._exit(0)  # without closing the agent: what its owner forgets ends as well


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), fork=sys.argv[3:] == ["fork"])
