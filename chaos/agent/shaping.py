"""A narrow line that some connections share and nobody else uses: one class of htb with a short queue, by tc.

On an interface a token bucket (tbf) would be simpler, and would hold back everybody: the untouched client, and our own
readings of the server. A class holds back the packets that a filter gives to it, and everything else passes beside it.
Packets are held back where they leave. On loopback both directions do; elsewhere only what the server's side sends.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Sequence

from chaos.agent.reaper import Reaper
from chaos.agent.tools import Output, run_tool
from chaos.agent.types import Connection, LineCounters
from chaos.errors import AgentError, ToolMissing

__all__ = ["Shaper"]

_DEADLINE = 10.0
"""Seconds for one call of tc, which takes 5 ms, and 20 with a hundred filters."""

_REMEDY = "modprobe sch_htb cls_u32, or a kernel with CONFIG_NET_SCH_HTB and CONFIG_NET_CLS_U32"

_ALLOWED = "run as root, or where unprivileged user namespaces are allowed (python -m chaos doctor)"

_BURST = 200
"""Bytes that pass at once after a silence: three small segments, so that a burst of ten pings waits."""

_LOOPBACK = "lo"

_SCRATCH = "unshare --net -- tc -batch -"
"""Tried in a network that is gone afterwards: what would be tried on an interface would act on it."""


class Shaper:
    """At most one narrow line. Methods raise AgentError, with tc's words, and ToolMissing where tc is not installed."""

    def __init__(self, reaper: Reaper) -> None:
        self._reaper = reaper
        self._device: str | None = None
        self._one_at_a_time = asyncio.Lock()

    async def probe(self) -> dict[str, object]:
        """An Availability's fields: whether this kernel has what it takes."""
        script = _script(_LOOPBACK, [(("127.0.0.1", 1), ("127.0.0.1", 2))], rate=1000, queue=1000)
        try:
            done = await run_tool(self._reaper, _SCRATCH.split(), text=script, deadline=_DEADLINE)
        except ToolMissing as error:
            return {"available": False, "reason": str(error), "remedy": "install util-linux and iproute2"}
        except AgentError as error:
            return {"available": False, "reason": str(error), "remedy": _REMEDY}
        if done.exit_code == 0:
            return {"available": True}
        remedies = {"No such file or directory": "install iproute2", "not permitted": _ALLOWED}
        remedy = next((remedy for said, remedy in remedies.items() if said in done.stderr), _REMEDY)
        return {"available": False, "reason": f"no narrow line can be made here: {_words(done)}", "remedy": remedy}

    async def narrow(self, connections: Sequence[Connection], *, rate: int, queue: int) -> None:
        """From now on these connections (local end, remote end) share a line of `rate` bytes a second, both directions
        together, on which `queue` bytes may wait and what comes then is lost. Where one direction alone is held back,
        half of the rate is left to it."""
        async with self._one_at_a_time:
            if self._device is not None:
                raise AgentError(f"there is a narrow line on {self._device} already; take it back first")
            if not connections:
                raise AgentError("a narrow line is for one connection at least")
            if any(":" in end[0] for pair in connections for end in pair):
                raise AgentError("a narrow line is for IPv4 alone")
            device = await self._device_of(connections[0][0][0])
            # What was left half-made goes as well.
            self._device = device
            try:
                here = rate if device == _LOOPBACK else rate // 2
                await self._tc(["-batch", "-"], _script(device, connections, rate=here, queue=queue))
            except BaseException:
                await self._remove()
                raise

    async def widen(self) -> None:
        """Take the line back, with what waits on it; fine when there is none."""
        async with self._one_at_a_time:
            await self._remove()

    async def counters(self) -> LineCounters | None:
        """What the kernel says of it; None while there is none."""
        if self._device is None:
            return None
        listing = json.loads((await self._tc(["-s", "-j", "qdisc", "show", "dev", self._device], "")).stdout)
        found = {item["handle"]: item for item in listing}
        if not {"1:", "10:"} <= found.keys():
            return None
        return LineCounters(
            packets=found["10:"]["packets"],
            bytes=found["10:"]["bytes"],
            lost=found["10:"]["drops"],
            held_back=found["1:"]["overlimits"],
        )

    async def _remove(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            done = await run_tool(self._reaper, ["tc", "qdisc", "del", "dev", device, "root"], deadline=_DEADLINE)
            # "of zero": there is none, for it was never made.
            if done.exit_code != 0 and "of zero" not in done.stderr:
                raise AgentError(f"tc could not take the narrow line on {device} back: {_words(done)}")

    async def _device_of(self, host: str) -> str:
        """The interface that has an address."""
        if ipaddress.ip_address(host).is_loopback:
            return "lo"
        done = await run_tool(self._reaper, ["ip", "-j", "addr", "show", "to", host], deadline=_DEADLINE)
        names = [item["ifname"] for item in json.loads(done.stdout or "[]") if item.get("ifname")]
        if not names:
            raise AgentError(f"no interface here has the address {host}")
        return str(names[0])

    async def _tc(self, arguments: Sequence[str], text: str) -> Output:
        done = await run_tool(self._reaper, ["tc", *arguments], text=text, deadline=_DEADLINE)
        if done.exit_code != 0:
            raise AgentError(f"tc refused: {_words(done)}; {_REMEDY}")
        return done


def _script(device: str, connections: Sequence[Connection], *, rate: int, queue: int) -> str:
    """The commands of tc that make the line."""
    lines = [
        f"qdisc add dev {device} root handle 1: htb",
        f"class add dev {device} parent 1: classid 1:1 htb rate {rate}bps ceil {rate}bps "
        f"burst {_BURST} cburst {_BURST} quantum 1500",
        f"qdisc add dev {device} parent 1:1 handle 10: bfifo limit {queue}",
    ]
    for local, remote in connections:
        ends = [(local, remote), (remote, local)] if device == "lo" else [(local, remote)]
        lines += [
            f"filter add dev {device} parent 1: protocol ip prio 1 u32 match ip protocol 6 0xff "
            f"match ip src {source[0]}/32 match ip dst {target[0]}/32 "
            f"match ip sport {source[1]} 0xffff match ip dport {target[1]} 0xffff flowid 1:1"
            for source, target in ends
        ]
    return "\n".join(lines) + "\n"


def _words(done: Output) -> str:
    return " ".join(done.stderr.split())[:300] or f"exit code {done.exit_code}"
