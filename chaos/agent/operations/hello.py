"""The request that opens a conversation: who the agent is, where it runs, what it can do there."""

from __future__ import annotations

import os
import socket
from contextlib import closing

from chaos.agent.control_groups import CPU, MEMORY, probe
from chaos.agent.identity import own_pid
from chaos.agent.nftables import KernelRules
from chaos.agent.protocol import VERSION
from chaos.agent.records import to_record
from chaos.agent.server import Operation
from chaos.agent.shaping import Shaper
from chaos.agent.sockdestroy import probe_destroy
from chaos.agent.sockdiag import SockDiag
from chaos.errors import Unsupported

__all__ = ["hello_operations"]

_TCP_REPAIR = 19
"""Linux's number (include/uapi/linux/tcp.h); the socket module has no name for it."""


def hello_operations(rules: KernelRules, shaper: Shaper, *, token: str) -> dict[str, Operation]:
    async def hello() -> object:
        return {
            "version": VERSION,
            "pid": own_pid(),
            "init": os.getpid() == 1,
            "namespaces": {name: os.readlink(f"/proc/self/ns/{name}") for name in ("net", "pid", "user")},
            "can": {
                **await rules.probe(),
                "narrow_line": await shaper.probe(),
                "sock_diag": _sock_diag(),
                "sock_destroy": probe_destroy(),
                "tcp_repair": _tcp_repair(),
                "cpu_limit": to_record(probe(CPU, token=token)),
                "memory_limit": to_record(probe(MEMORY, token=token)),
            },
        }

    return {"hello": Operation(hello, {})}


def _sock_diag() -> dict[str, object]:
    try:
        with closing(SockDiag()) as diag:
            diag.states(1)
    except Unsupported as error:
        reason, _, remedy = str(error).partition("; ")
        return {"available": False, "reason": reason, "remedy": remedy}
    return {"available": True}


def _tcp_repair() -> dict[str, object]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
            probe.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 0)
        except OSError as error:
            reason = f"TCP_REPAIR, which lets a connection vanish without FIN or RST, is refused: {error.strerror}"
            return {"available": False, "reason": reason, "remedy": "run as root or in a namespace of its own"}
    return {"available": True}
