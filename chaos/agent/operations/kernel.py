"""Requests about the kernel's side of the network namespace: sockets, counters, cuts, connections handed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaos.agent import network
from chaos.agent.counters import read_counters
from chaos.agent.fields import (
    Field,
    address,
    buffer_size,
    connection,
    direction,
    endpoint,
    listed,
    optional,
    port,
    seconds,
    share,
    whole,
)
from chaos.agent.nftables import KernelRules
from chaos.agent.records import to_record
from chaos.agent.server import HandedOver, Operation
from chaos.agent.sockdestroy import destroy_sockets
from chaos.agent.sockdiag import SockDiag
from chaos.agent.treatment import RESET, losing
from chaos.agent.types import BOTH, Connection, Endpoint

__all__ = ["kernel_operations"]

_CONNECT_WITHIN = 5.0
"""Seconds, where the request names no time-out."""


def kernel_operations(rules: KernelRules, diag: Callable[[], SockDiag]) -> dict[str, Operation]:
    async def sockets(port: int) -> object:
        return [to_record(info) for info in diag().sockets(port)]

    async def counters() -> object:
        return read_counters()

    async def kill_sockets(connections: Sequence[Connection]) -> object:
        return destroy_sockets(connections)

    async def connect(
        host: str, port: int, timeout: float, source_host: str | None, receive_buffer: int | None
    ) -> object:
        made = await network.connect(
            host, port, timeout=timeout, source_host=source_host, receive_buffer=receive_buffer
        )
        return HandedOver({"local": made.getsockname()[:2], "remote": made.getpeername()[:2]}, made)

    return {
        "sockets": Operation(sockets, {"port": Field(port)}),
        "counters": Operation(counters, {}),
        "kill_sockets": Operation(kill_sockets, {"connections": Field(listed(connection))}),
        "connect": Operation(
            connect,
            {
                "host": Field(address),
                "port": Field(port),
                "timeout": optional(seconds, _CONNECT_WITHIN),
                "source_host": optional(address),
                "receive_buffer": optional(buffer_size),
            },
            patient=True,
        ),
        **_rule_operations(rules),
    }


def _rule_operations(kernel: KernelRules) -> dict[str, Operation]:
    async def cut(local: Endpoint, remote: Endpoint) -> object:
        return (await kernel.cut([(local, remote)]))[0].rule

    async def cut_many(connections: Sequence[Connection], direction: str) -> object:
        return [made.rule for made in await kernel.cut(connections, direction=direction)]

    async def lose_many(connections: Sequence[Connection], ratio: float) -> object:
        return [made.rule for made in await kernel.cut(connections, losing(ratio))]

    async def reset_many(connections: Sequence[Connection], direction: str) -> object:
        return [made.rule for made in await kernel.cut(connections, RESET, direction=direction)]

    async def uncut(rule: int) -> object:
        await kernel.uncut([rule])
        return None

    async def uncut_many(rules: Sequence[int]) -> object:
        await kernel.uncut(rules)
        return None

    async def list_rules() -> object:
        return [to_record(rule) for rule in await kernel.rules()]

    async def rule_counters(rule: int) -> object:
        return to_record((await kernel.counters([rule]))[0])

    async def rule_counters_many(rules: Sequence[int]) -> object:
        return [to_record(counted) for counted in await kernel.counters(rules)]

    async def flush_rules() -> object:
        await kernel.flush()
        return None

    connections = Field(listed(connection))
    return {
        "cut": Operation(cut, {"local": Field(endpoint), "remote": Field(endpoint)}),
        "cut_many": Operation(cut_many, {"connections": connections, "direction": optional(direction, BOTH)}),
        "lose_many": Operation(lose_many, {"connections": connections, "ratio": Field(share)}),
        "reset_many": Operation(reset_many, {"connections": connections, "direction": optional(direction, BOTH)}),
        "uncut": Operation(uncut, {"rule": Field(whole)}),
        "uncut_many": Operation(uncut_many, {"rules": Field(listed(whole))}),
        "rules": Operation(list_rules, {}),
        "rule_counters": Operation(rule_counters, {"rule": Field(whole)}),
        "rule_counters_many": Operation(rule_counters_many, {"rules": Field(listed(whole))}),
        "flush_rules": Operation(flush_rules, {}),
    }
