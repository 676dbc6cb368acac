"""Cutting single connections off with nftables: the wire is gone, nobody is told.

One table of our own, named `chaos_<token>`, so that taking everything back is `delete table`. Its rules never change:
a cut adds the two directions of a connection to a set with a counter for each element, so that a thousand cuts are one
call of nft and cost a packet one look-up.

Packets are dropped where they *arrive* (input hook): their sender's kernel has sent them, as with a real cable. On
loopback both directions arrive here. Only what leaves for another machine or namespace is dropped at the output hook;
there the sending kernel learns that its packet was dropped, keeps it unsent and tries again on its timers.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

from chaos.agent.reaper import Reaper
from chaos.agent.tools import run_tool
from chaos.agent.types import Connection, CutRule, Endpoint, RuleCounters
from chaos.errors import AgentError, ToolMissing

__all__ = ["KernelRules"]

_DEADLINE = 10.0
"""Seconds for one call of nft: it takes 12 ms, and with ten thousand elements on a busy machine a second."""
_REMEDY = "run as root, or where unprivileged user namespaces are allowed (python -m chaos doctor)"

_TABLE = """
table inet {table} {{
  set cut4 {{ type ipv4_addr . inet_service . ipv4_addr . inet_service; counter; }}
  set cut6 {{ type ipv6_addr . inet_service . ipv6_addr . inet_service; counter; }}
  chain arriving {{
    type filter hook input priority -300; policy accept;
    ip saddr . tcp sport . ip daddr . tcp dport @cut4 drop
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @cut6 drop
  }}
  chain leaving {{
    type filter hook output priority -300; policy accept;
    oifname "lo" accept
    ip saddr . tcp sport . ip daddr . tcp dport @cut4 drop
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @cut6 drop
  }}
}}
"""
# Priority -300 (raw) comes before connection tracking, so that a dropped packet leaves no trace there either.


class KernelRules:
    """The cuts of one agent.

    Every method raises AgentError with nft's own words and the remedy where the kernel refuses, and ToolMissing where
    nft is not installed.
    """

    def __init__(self, reaper: Reaper, *, table: str) -> None:
        self._reaper = reaper
        self._table = table
        self._made = False
        self._tried = False
        self._cuts: dict[int, CutRule] = {}
        self._numbers = itertools.count(1)
        self._one_at_a_time = asyncio.Lock()

    async def probe(self) -> dict[str, object]:
        """Whether rules work here, found out by setting them in a scratch table: an Availability's fields."""
        scratch = f"{self._table}_probe"
        try:
            await self._nft(_TABLE.format(table=scratch))
            await self._nft(f"delete table inet {scratch}\n")
        except ToolMissing as error:
            return {"available": False, "reason": str(error), "remedy": "install nftables"}
        except AgentError as error:
            return {"available": False, "reason": str(error), "remedy": _REMEDY}
        return {"available": True}

    async def cut(self, pairs: Sequence[Connection]) -> list[CutRule]:
        """Drop both directions of each connection (local end, remote end) from now on; all of them or none."""
        async with self._one_at_a_time:
            for local, remote in pairs:
                self._refuse_double(local, remote)
            if len(set(pairs)) < len(pairs):
                raise AgentError("the same connection is named twice in one cut")
            script = "" if self._made else self._removal() + _TABLE.format(table=self._table)
            self._tried = True
            await self._nft(script + self._elements("add", pairs))
            self._made = True
            rules = [CutRule(rule=next(self._numbers), local=local, remote=remote) for local, remote in pairs]
            self._cuts.update({rule.rule: rule for rule in rules})
            return rules

    async def uncut(self, rules: Sequence[int]) -> None:
        """Let the packets of these cuts pass again."""
        async with self._one_at_a_time:
            cuts = [self._cut(rule) for rule in dict.fromkeys(rules)]
            await self._nft(self._elements("delete", [(cut.local, cut.remote) for cut in cuts]))
            for cut in cuts:
                del self._cuts[cut.rule]

    def rules(self) -> list[CutRule]:
        """The cuts in force."""
        return list(self._cuts.values())

    async def counters(self, rules: Sequence[int]) -> list[RuleCounters]:
        """What each of these cuts has dropped so far."""
        async with self._one_at_a_time:
            cuts = [self._cut(rule) for rule in rules]
            if not cuts:
                return []
            counted = _counted(await self._nft(f"list table inet {self._table}\n", json_output=True))
        answers = []
        for cut in cuts:
            to_local, to_remote = counted[cut.remote, cut.local], counted[cut.local, cut.remote]
            answers.append(
                RuleCounters(
                    packets=to_local["packets"] + to_remote["packets"],
                    bytes=to_local["bytes"] + to_remote["bytes"],
                    to_local=to_local["packets"],
                    to_remote=to_remote["packets"],
                )
            )
        return answers

    async def flush(self) -> None:
        """Take every cut back and remove the table; fine when there is none."""
        async with self._one_at_a_time:
            if self._tried:
                await self._nft(self._removal())
            self._made = self._tried = False
            self._cuts.clear()

    def _removal(self) -> str:
        """nft commands that delete the table whether it is there or not: adding one that is there changes nothing."""
        return f"add table inet {self._table}\ndelete table inet {self._table}\n"

    def _cut(self, rule: int) -> CutRule:
        try:
            return self._cuts[rule]
        except KeyError:
            known = ", ".join(map(str, self._cuts)) or "none"
            raise AgentError(f"there is no rule {rule}; rules in force: {known}") from None

    def _refuse_double(self, local: Endpoint, remote: Endpoint) -> None:
        for cut in self._cuts.values():
            if {cut.local, cut.remote} == {local, remote}:
                raise AgentError(f"{_end(local)} to {_end(remote)} is cut already, by rule {cut.rule}")
        if (":" in local[0]) != (":" in remote[0]):
            raise AgentError(f"{_end(local)} and {_end(remote)} are of different IP versions: no connection has both")

    def _elements(self, verb: str, pairs: Sequence[Connection]) -> str:
        """The nft commands that add or delete both directions of each pair."""
        elements: dict[str, list[str]] = {"cut4": [], "cut6": []}
        for pair in pairs:
            for source, target in (pair, pair[::-1]):
                name = "cut6" if ":" in source[0] else "cut4"
                elements[name].append(f"{source[0]} . {source[1]} . {target[0]} . {target[1]}")
        return "".join(
            f"{verb} element inet {self._table} {name} {{ {', '.join(members)} }}\n"
            for name, members in elements.items()
            if members
        )

    async def _nft(self, script: str, *, json_output: bool = False) -> str:
        argv = ["nft", "-j", "-f", "-"] if json_output else ["nft", "-f", "-"]
        output = await run_tool(self._reaper, argv, text=script, deadline=_DEADLINE)
        if output.exit_code != 0:
            words = " ".join(output.stderr.split()) or f"exit code {output.exit_code}"
            raise AgentError(f"nft refused: {words[:400]}; kernel rules need CAP_NET_ADMIN here: {_REMEDY}")
        return output.stdout


def _counted(listing: str) -> dict[Connection, dict[str, int]]:
    """(source, target) to the counter of that element."""
    counters: dict[Connection, dict[str, int]] = {}
    for item in json.loads(listing)["nftables"]:
        for wrapped in item.get("set", {}).get("elem", ()):
            element: dict[str, Any] = wrapped["elem"]
            source, source_port, target, target_port = element["val"]["concat"]
            counters[(source, source_port), (target, target_port)] = element["counter"]
    return counters


def _end(endpoint: Endpoint) -> str:
    return f"[{endpoint[0]}]:{endpoint[1]}" if ":" in endpoint[0] else f"{endpoint[0]}:{endpoint[1]}"
