"""The whole agent without any privilege: `python -m tests.unit.agent.unprivileged DIRECTORY`, standard library only.

Prints a JSON object of what it saw. Its Python may be another than the tests', because not everybody may read that.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from chaos.agent.hermetic import launch_agent, probe_isolation

from .support import assert_gone, exchange, identity_of, start_echo, start_tree


def main(directory: Path) -> dict[str, object]:
    probed = probe_isolation()
    seen: dict[str, object] = {"uid": os.getuid(), "kind": probed.isolation.kind.name, "why": probed.hermetic.reason}
    if not probed.isolation.hermetic:
        return seen
    with launch_agent(socket=directory / "agent.sock", isolation=probed.isolation) as agent, agent.client() as client:
        seen["can"] = {name: found.available for name, found in client.hello().can.items()}
        server = start_echo(client, directory, port=8765)
        with client.connect("127.0.0.1", 8765) as one, client.connect("127.0.0.1", 8765) as other:
            rule = client.cut(one.getsockname(), one.getpeername())
            one.sendall(b"x")
            seen["spared"] = exchange(other).decode()
            seen["dropped"] = client.rule_counters(rule).to_remote > 0
            client.uncut(rule)
            one.settimeout(10)
            seen["healed"] = one.recv(1).decode()
            sample = client.sample(port=8765, name="echo")
            seen["sockets"] = sample.sockets
            seen["processes"] = [sample.processes, sample.fds > 4, sample.rss >= sample.pss > 0]
        seen["owners"] = client.listen_pids(8765) == [server.pid]
        family = [*start_tree(client, directory), identity_of(agent)]
        os.kill(agent.pid, signal.SIGKILL)
        assert_gone(family)
        seen["gone"] = True
    return seen


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
