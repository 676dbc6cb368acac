"""What becomes of the packets of single connections, by nftables: all dropped, a share of them dropped, or refused.

One table of our own, named `chaos_<token>`, so that taking everything back is `delete table`. It has a set for each
treatment, and rules that never change once they are there: a treatment adds the directions of a connection to its set,
with a counter for each element, so that a thousand cuts are one call of nft and cost a packet one look-up.

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
from chaos.agent.treatment import CUT, RESET, Treatment, losing
from chaos.agent.types import BOTH, Connection, CutRule, Endpoint, RuleCounters
from chaos.errors import AgentError, ToolMissing

__all__ = ["KernelRules"]

_DEADLINE = 10.0
"""Seconds for one call of nft: it takes 12 ms, and with ten thousand elements on a busy machine a second."""
_REMEDY = "run as root, or where unprivileged user namespaces are allowed (python -m chaos doctor)"

_TABLE = """
table inet {table} {{
  chain arriving {{ type filter hook input priority -300; policy accept; }}
  chain leaving {{ type filter hook output priority -300; policy accept; oifname "lo" accept; }}
}}
"""
# Priority -300 (raw) comes before connection tracking, so that a dropped packet leaves no trace there either.

_PROBED = {"nft": CUT, "nft_loss": losing(0.5), "nft_reset": RESET}
"""What the agent says it can, and the treatment that shows it."""


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
        self._treatments: set[Treatment] = set()
        self._cuts: dict[int, CutRule] = {}
        self._told: dict[int, CutRule] = {}
        """The latest for each connection, also where it was taken back: the kernel is asked whether it is."""
        self._numbers = itertools.count(1)
        self._one_at_a_time = asyncio.Lock()

    async def probe(self) -> dict[str, dict[str, object]]:
        """Which rules work here, found out by setting them in a scratch table: an Availability's fields for each."""
        return {name: await self._probe(treatment) for name, treatment in _PROBED.items()}

    async def _probe(self, treatment: Treatment) -> dict[str, object]:
        scratch = f"{self._table}_probe"
        try:
            await self._nft(_TABLE.format(table=scratch) + treatment.rules(scratch))
            await self._nft(f"delete table inet {scratch}\n")
        except ToolMissing as error:
            return {"available": False, "reason": str(error), "remedy": "install nftables"}
        except AgentError as error:
            return {"available": False, "reason": str(error), "remedy": _REMEDY}
        return {"available": True}

    async def cut(
        self, pairs: Sequence[Connection], treatment: Treatment = CUT, *, direction: str = BOTH
    ) -> list[CutRule]:
        """Treat each connection (local end, remote end) from now on; all of them or none."""
        async with self._one_at_a_time:
            for local, remote in pairs:
                self._refuse_double(local, remote)
            if len(set(pairs)) < len(pairs):
                raise AgentError("the same connection is named twice in one cut")
            script = "" if self._made else self._removal() + _TABLE.format(table=self._table)
            if treatment not in self._treatments:
                script += treatment.rules(self._table)
            rules = [
                CutRule(
                    rule=next(self._numbers),
                    local=local,
                    remote=remote,
                    direction=direction,
                    treatment=treatment.name,
                )
                for local, remote in pairs
            ]
            self._tried = True
            await self._nft(script + self._elements("add", rules))
            self._made = True
            self._treatments.add(treatment)
            self._cuts.update({rule.rule: rule for rule in rules})
            of_these = {frozenset(pair) for pair in pairs}
            earlier = {rule: cut for rule, cut in self._told.items() if {cut.local, cut.remote} not in of_these}
            self._told = earlier | {rule.rule: rule for rule in rules}
            return rules

    async def uncut(self, rules: Sequence[int]) -> None:
        """Let the packets of these cuts pass again."""
        async with self._one_at_a_time:
            cuts = [self._cut(rule) for rule in dict.fromkeys(rules)]
            await self._nft(self._elements("delete", cuts))
            for cut in cuts:
                del self._cuts[cut.rule]

    async def rules(self) -> list[CutRule]:
        """The cuts in force, as the kernel lists them: also one that was taken back, where it is there all the same."""
        async with self._one_at_a_time:
            there = await self._listed() if self._made else {}
        return [cut for cut in self._told.values() if any(ends in there for ends in directions(cut))]

    async def counters(self, rules: Sequence[int]) -> list[RuleCounters]:
        """What each of these cuts has dropped so far."""
        async with self._one_at_a_time:
            cuts = [self._cut(rule) for rule in rules]
            if not cuts:
                return []
            counted = await self._listed()
        answers = []
        for cut in cuts:
            to_local = counted.get((cut.remote, cut.local), _NOTHING)
            to_remote = counted.get((cut.local, cut.remote), _NOTHING)
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
            self._treatments.clear()
            self._cuts.clear()
            self._told.clear()

    async def _listed(self) -> dict[Connection, dict[str, int]]:
        """(source, target) to the counter of that direction, of all that the kernel has a rule for."""
        return _counted(await self._nft(f"list table inet {self._table}\n", json_output=True))

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
                raise AgentError(f"{_end(local)} to {_end(remote)} has a rule already: {cut.rule} ({cut.treatment})")
        if (":" in local[0]) != (":" in remote[0]):
            raise AgentError(f"{_end(local)} and {_end(remote)} are of different IP versions: no connection has both")

    def _elements(self, verb: str, cuts: Sequence[CutRule]) -> str:
        """The nft commands that add or delete the directions of each connection."""
        elements: dict[str, list[str]] = {}
        for cut in cuts:
            for source, target in directions(cut):
                family = 6 if ":" in source[0] else 4
                members = elements.setdefault(f"{cut.treatment}{family}", [])
                members.append(f"{source[0]} . {source[1]} . {target[0]} . {target[1]}")
        return "".join(
            f"{verb} element inet {self._table} {name} {{ {', '.join(members)} }}\n"
            for name, members in elements.items()
        )

    async def _nft(self, script: str, *, json_output: bool = False) -> str:
        argv = ["nft", "-j", "-f", "-"] if json_output else ["nft", "-f", "-"]
        output = await run_tool(self._reaper, argv, text=script, deadline=_DEADLINE)
        if output.exit_code != 0:
            words = " ".join(output.stderr.split()) or f"exit code {output.exit_code}"
            raise AgentError(f"nft refused: {words[:400]}; kernel rules need CAP_NET_ADMIN here: {_REMEDY}")
        return output.stdout


_NOTHING = {"packets": 0, "bytes": 0}
"""The counter of a direction that is left alone."""


def directions(cut: CutRule) -> list[Connection]:
    """(source, target) of the packets that a rule is for."""
    both = {"to_remote": (cut.local, cut.remote), "to_local": (cut.remote, cut.local)}
    return [ends for name, ends in both.items() if cut.direction in (BOTH, name)]


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
