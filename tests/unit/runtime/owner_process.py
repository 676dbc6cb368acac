"""A run in a process of its own, to be killed in the middle: `owner_process.py GROUND [DIRECTORY]`.

Says who it is in one line, deploys the stub server, has it start a child that leaves its process group, says so in one
line of JSON, and stays. An interruption ends it with exit code 130.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.runtime.base import Runtime, RuntimeOptions
from chaos.runtime.containers import ContainersRuntime
from chaos.runtime.owner import Owner
from chaos.runtime.processes import ProcessesRuntime
from runtime.deploying import ask, stub_target


def main() -> None:
    ground, *directory = sys.argv[1:]
    owner = Owner.current()
    print(owner.token, flush=True)
    runtime: Runtime
    if directory:
        runtime, target = ContainersRuntime(), stub_target(build=directory[0], upstream=True)
        options = RuntimeOptions(agent="sidecar" if ground == "sidecar" else "nsenter")
    else:
        runtime, target = ProcessesRuntime(), stub_target(upstream=True)
        options = RuntimeOptions(hermetic=ground == "namespace")
    with runtime.deploy(target, owner=owner, options=options) as deployment:
        child = int(ask(deployment, "/child"))
        deployment.spawn(["sleep", "600"], name="conductor", env={})
        assert deployment.agent is not None
        about = {"agent": deployment.agent.hello().pid, "child": child, "pid": deployment.server.root_pids()[0]}
        print(json.dumps(about), flush=True)
        threading.Event().wait()


# In a shell's background it would be ignored, and is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
