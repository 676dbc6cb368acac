"""A run in a process of its own, to be killed in the middle: `owner_process.py GROUND [DIRECTORY]`.

Deploys the stub server, has it start a child that leaves its process group, says so in one line of JSON, and stays.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.runtime.base import RuntimeOptions
from chaos.runtime.containers import ContainersRuntime
from chaos.runtime.owner import Owner
from chaos.runtime.processes import ProcessesRuntime
from runtime.deploying import ask, stub_target


def main() -> None:
    ground, *directory = sys.argv[1:]
    owner = Owner.current()
    if directory:
        target = stub_target(build=directory[0], upstream=True)
        agent = "sidecar" if ground == "sidecar" else "nsenter"
        deployment = ContainersRuntime().deploy(target, owner=owner, options=RuntimeOptions(agent=agent))
    else:
        options = RuntimeOptions(hermetic=ground == "namespace")
        deployment = ProcessesRuntime().deploy(stub_target(upstream=True), owner=owner, options=options)
    child = int(ask(deployment, "/child"))
    deployment.spawn(["sleep", "600"], name="conductor", env={})
    assert deployment.agent is not None
    about = {"owner": owner.token, "agent": deployment.agent.hello().pid, "child": child}
    print(json.dumps({**about, "pid": deployment.server.root_pids()[0]}), flush=True)
    threading.Event().wait()


main()
