"""The second witness: the server's own statistics, read at a steady rate and whenever a scenario asks."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from chaos.agent.async_client import AsyncAgent
from chaos.agent.own_address import OWN_ADDRESS
from chaos.journal import Note, Statistics
from chaos.probes.kept import Dial, KeptConnection
from chaos.probes.statistics import StatisticsError, read_statistics
from chaos.probes.tls import StreamOptions, Streams, stream_options, streams_over
from chaos.server_view import ServerView
from chaos.target import Statistics as Where
from chaos.target import Tls
from chaos.units import format_duration

__all__ = ["EVERY", "LARGEST_SHARE", "Witness"]

EVERY = 0.1
"""Seconds from one reading's beginning to the next one's. A reading costs the reference server 0.33 ms of CPU on a kept
connection and 0.72 ms on one of its own (2,000 of each, on two cores): 0.3 to 0.7 % of a core, of the order of what the
canary costs, and five readings in the shortest time that one of its breakers stays open."""

LARGEST_SHARE = 0.05
"""The share of the server's time that readings may take: what takes more than 5 ms is asked for less often."""

_JUDGED_BY = 5
"""The fastest of so many readings is what one costs: a server that hangs for a moment makes one of them slow, and a
cost is in all of them."""
_JUDGED_FROM = 3
"""Readings before that is judged: the first one makes the connection, which took up to 26 ms on a busy machine, and one
more may have met a server that hangs."""

_WILDCARDS = frozenset({"0.0.0.0", "::"})
_LOOPBACK = "127.0.0.1"
_COUNTED = (
    "the server listens on IPv6 alone, where every local client has the same address: its statistics are read only "
    "when a scenario asks, because the connection that takes is counted among its clients'"
)


class Witness:
    """Asks the server for its statistics, one question at a time, and writes down what it said, or why nothing came.

    Where an agent counts connections, the question comes from an address that it leaves out of every count. Nobody
    else waits for an answer: a server that hangs keeps only the next question waiting.
    """

    def __init__(
        self,
        where: Where,
        agent: AsyncAgent | None,
        record: Callable[[Statistics | Note], None],
        *,
        patience: float,
        along: bool,
        tls: Tls | None = None,
    ) -> None:
        """`along`: read at a steady rate, over a connection that is kept; else only when asked, each on its own."""
        self._where = where
        self._agent = agent
        self._record = record
        self._patience = patience
        self._tls = tls
        self._along = along
        self._connection: KeptConnection | None = None
        self._turn = asyncio.Lock()
        self._costs: deque[float] = deque(maxlen=_JUDGED_BY)
        self._noted = False
        self._reading: asyncio.Task[None] | None = None

    async def follow(self, server: ServerView) -> None:
        """Ask this server from now on, and read along where that is wanted. Raises AgentError when the agent is gone.

        It is not read along where its connection would be counted as a client's: a Note says so.
        """
        await self.pause()
        dial, uncounted = await self._way_to(server)
        self._connection = KeptConnection(server.address, dial)
        self._costs.clear()
        if self._along and uncounted:
            self._reading = asyncio.create_task(self._keep_reading(), name="statistics")
        elif self._along:
            self._record(Note(at=time.monotonic(), text=_COUNTED))

    async def ask(self) -> dict[str, float | str]:
        """What the server says of itself now; empty where it could not be read, and the journal says why."""
        said = await self._read(steady=False)
        self._record(said)
        return said.values

    async def pause(self) -> None:
        """End the steady readings and the connection, until `follow`. Raises what had ended the readings before."""
        readings = [self._reading] if self._reading is not None else []
        self._reading = None
        for reading in readings:
            reading.cancel()
        if self._connection is not None:
            self._connection.close()
        for result in await asyncio.gather(*readings, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _keep_reading(self) -> None:
        while True:
            began = time.monotonic()
            said = await self._read(steady=True)
            self._record(said)
            if not said.error:
                self._costs.append(said.took)
            await asyncio.sleep(max(0.0, began + self._interval() - time.monotonic()))

    def _interval(self) -> float:
        """Seconds from one reading to the next, so that all of them stay within their share of the server's time."""
        cost = min(self._costs) if len(self._costs) >= _JUDGED_FROM else 0.0
        interval = max(EVERY, cost / LARGEST_SHARE)
        if interval >= 2 * EVERY and not self._noted:
            self._noted = True
            text = (
                f"reading the statistics takes {format_duration(cost)}, so it is done every {format_duration(interval)}"
            )
            self._record(Note(at=time.monotonic(), text=text))
        return interval

    async def _read(self, *, steady: bool) -> Statistics:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the witness was not told which server to ask: follow comes first")
        began = time.monotonic()
        values: dict[str, float | str] = {}
        error = ""
        try:
            async with asyncio.timeout(self._patience), self._turn:
                began = time.monotonic()
                values = await read_statistics(connection.get, self._where)
        except TimeoutError:
            error = f"GET {self._where.path}: no answer within {format_duration(self._patience)}"
        except StatisticsError as failure:
            error = str(failure)
        finally:
            if self._reading is None:
                connection.close()  # a server that counts it among those it lets in has one place less while it is open
        now = time.monotonic()
        return Statistics(at=now, values=values, error=error, took=now - began, steady=steady)

    async def _way_to(self, server: ServerView) -> tuple[Dial, bool]:
        """How to connect, and whether such a connection is left out of every count."""
        options = stream_options(self._tls, within=self._patience)
        plain = partial(asyncio.open_connection, server.address.host, server.address.port, **options)
        if self._agent is None:
            return plain, True
        host = await _listening_host(self._agent, server)
        if host is None:
            return plain, False
        return partial(_dial_uncounted, self._agent, host, server.port, self._patience, options), True


async def _listening_host(agent: AsyncAgent, server: ServerView) -> str | None:
    """Where the server is reached in IPv4 from inside its network namespace; None where it is not."""
    hosts = sorted({found.local[0] for found in await agent.sockets(server.port) if found.state == "LISTEN"})
    if ":" not in server.address.host and not _WILDCARDS.isdisjoint(hosts):
        return _LOOPBACK
    return next((host for host in hosts if ":" not in host and host not in _WILDCARDS), None)


async def _dial_uncounted(agent: AsyncAgent, host: str, port: int, timeout: float, options: StreamOptions) -> Streams:
    made = await agent.connect(host, port, timeout=timeout, source_host=OWN_ADDRESS)
    return await streams_over(made, options)
