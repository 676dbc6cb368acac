"""A scripted HTTP dependency: it answers, fails, flaps, hangs, dawdles or refuses as it is told, and remembers hits.

One file and nothing but the standard library, so that it can be put into any container that has a Python:

    python server.py --port P --control C [--host H] [--health PATH]

On port P any method on any path is answered with 200 and `{"value": n, "at": seconds}`, n growing by one. The health
path answers 200 in every mode and is not counted. On port C:

    POST /_control {"mode": "error", "status": 503}     see `Script` for modes and their settings
    GET  /_hits?since=T                                 hits later than T, seconds of CLOCK_MONOTONIC

The control port is a port of its own, so that it still answers while P refuses connections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

MODES = ("ok", "error", "flap", "give-out", "hang", "slow", "refuse")

HIT_LIMIT = 50_000
"""Hits kept; older ones are dropped and the answer to `/_hits` says so. 50,000 hits are about 10 MB."""

BODY_LIMIT = 1 << 20
"""Bytes of a request's body that are read (and thrown away): an RPC call's, with much to spare."""

LONGEST_DELAY = 3600.0
"""Seconds that a slow answer may take at most: a typing error must not park a connection for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the upstream does with a request. Raises ValueError that names what was found and what is allowed."""

    mode: str = "ok"
    """`ok`; `error`: `status` after `delay`; `flap`: ok and error by turns, ok first, at once; `give-out`: the first
    request of each path is slow, or hangs where there is no `delay`, and each later one an error at once; `hang`: never
    an answer; `slow`: ok after `delay`; `refuse`: not listening."""
    status: int = 500
    delay: float = 0.0
    """Seconds."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode is {self.mode!r}; allowed: {', '.join(MODES)}")
        if not isinstance(self.status, int) or not 400 <= self.status <= 599:
            raise ValueError(f"status is {self.status!r}; allowed: a whole number from 400 to 599")
        if not isinstance(self.delay, int | float) or not 0 <= self.delay <= LONGEST_DELAY:
            raise ValueError(f"delay is {self.delay!r}; allowed: seconds from 0 to {LONGEST_DELAY:.0f}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One request that arrived."""

    at: float
    """Seconds of CLOCK_MONOTONIC when its head had been read."""
    path: str
    status: int
    """The status of the answer it was due, 0 where it hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: str
    body: bytes
    keep_alive: bool


class BadRequest(Exception):
    """The request cannot be read as HTTP/1.1; the message goes into the answer."""


class Upstream:
    """The two listeners and what they share."""

    def __init__(self, *, host: str, port: int, control: int, health: str) -> None:
        self._host = host
        self._port = port
        self._control = control
        self._health = health
        self._script = Script()
        self._turn = 0
        """Requests since the script was set, where it goes by turns."""
        self._asked: set[str] = set()
        """Paths asked for since then, where the first request is another than those after it."""
        self._hits: deque[Hit] = deque(maxlen=HIT_LIMIT)
        self._dropped_until: float | None = None
        self._value = 0
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._obeying = asyncio.Lock()

    async def serve(self) -> None:
        """Serve both ports until cancelled."""
        await self._listen()
        control = await asyncio.start_server(self._serve_control, self._host, self._control)
        await control.serve_forever()

    async def obey(self, script: Script) -> None:
        """Follow a new script from now on; a request that hangs already goes on hanging until its client leaves."""
        async with self._obeying:
            self._script, self._turn = script, 0
            self._asked.clear()
            if script.mode == "refuse":
                self._stop_listening()
            elif self._listener is None:
                await self._listen()

    def hits(self, since: float) -> dict[str, Any]:
        """Hits later than `since`; `dropped_until` is the time of the last one that no longer fits, or null."""
        return {
            "now": time.monotonic(),
            "hits": [asdict(hit) for hit in self._hits if hit.at > since],
            "dropped_until": self._dropped_until,
        }

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._serve_data, self._host, self._port, backlog=1024)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        # A kept-alive connection would go on being served although the port refuses.
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _serve_data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._converse(reader, writer, self._answer)
        finally:
            self._open.discard(writer)

    async def _serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._converse(reader, writer, self._command)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Any) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                answered = await answer(request)
                if answered is None:
                    # Hanging: read on only to learn when the client gives up.
                    while await reader.read(65536):
                        pass
                    break
                status, body = answered
                write_response(writer, status, body, request=request)
                await writer.drain()
                if not request.keep_alive:
                    break
        except BadRequest as error:
            write_response(writer, 400, {"error": str(error)}, request=None)
        except asyncio.LimitOverrunError:
            write_response(writer, 400, {"error": "a head or chunk header longer than 64 KiB"}, request=None)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away in the middle, which is its right
        finally:
            writer.close()

    async def _answer(self, request: Request) -> tuple[int, dict[str, Any]] | None:
        at = time.monotonic()
        if request.path == self._health:
            return 200, {"status": "ok"}
        script, mode = self._script, self._mode(request.path)
        status = {"error": script.status, "hang": 0}.get(mode, 200)
        if len(self._hits) == HIT_LIMIT:
            self._dropped_until = self._hits[0].at
        self._hits.append(Hit(at=at, path=request.path, status=status))
        if mode == "hang":
            return None
        if mode == "slow" or script.mode == "error":
            await asyncio.sleep(script.delay)
        if mode == "error":
            return status, {"error": "the script says so"}
        self._value += 1
        return 200, {"value": self._value, "at": time.monotonic()}

    def _mode(self, path: str) -> str:
        """What this request meets; each takes its turn, in the order in which they arrived."""
        match self._script.mode:
            case "flap":
                self._turn += 1
                return "ok" if self._turn % 2 else "error"
            case "give-out":
                is_first = path not in self._asked
                self._asked.add(path)
                waits = "slow" if self._script.delay else "hang"
                return waits if is_first else "error"
            case mode:
                return mode

    async def _command(self, request: Request) -> tuple[int, dict[str, Any]]:
        try:
            if (request.method, request.path) == ("GET", "/_hits"):
                return 200, self.hits(float(parse_qs(request.query).get("since", ["0"])[-1]))
            if (request.method, request.path) == ("POST", "/_control"):
                await self.obey(Script(**json.loads(request.body)))
                return 200, {"now": time.monotonic(), **asdict(self._script)}
        except (ValueError, TypeError) as error:
            return 400, {"error": str(error)}
        return 404, {"error": "allowed: POST /_control, GET /_hits?since=T"}


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request on the connection, or None at its end. Raises BadRequest, LimitOverrunError over 64 KiB."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadRequest("the head of the request is cut off") from error
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(f"not an HTTP/1 request line: {first[:100]!r}")
    method, target, version = parts
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    address = urlsplit(target)
    return Request(
        method=method,
        path=address.path,
        query=address.query,
        body=await _read_body(reader, headers),
        keep_alive=version == "HTTP/1.1" and headers.get("connection", "").lower() != "close",
    )


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := _length(await reader.readuntil(b"\r\n"), base=16, so_far=len(body)):
            body += (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return body
    return await reader.readexactly(_length(headers.get("content-length", "0").encode(), base=10, so_far=0))


def _length(text: bytes, *, base: int, so_far: int) -> int:
    digits = text.split(b";")[0].strip()
    try:
        length = int(digits, base)
    except ValueError as error:
        raise BadRequest(f"not a length: {digits[:40]!r}") from error
    if length < 0 or so_far + length > BODY_LIMIT:
        raise BadRequest(f"the body is longer than {BODY_LIMIT} bytes")
    return length


def write_response(writer: asyncio.StreamWriter, status: int, body: Any, *, request: Request | None) -> None:
    """Write one JSON answer; `request` is None where none could be read, and the connection ends after it."""
    data = json.dumps(body).encode()
    connection = "keep-alive" if request is not None and request.keep_alive else "close"
    head = (
        f"HTTP/1.1 {status} {'OK' if status < 400 else 'Error'}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\nconnection: {connection}\r\n\r\n"
    )
    writer.write(head.encode() + (b"" if request is not None and request.method == "HEAD" else data))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos.upstream", description="A scripted HTTP dependency.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port of the scripted answers")
    parser.add_argument("--control", type=int, required=True, help="port of POST /_control and GET /_hits")
    parser.add_argument("--health", default="/health", help="path that is no hit (%(default)s)")
    options = parser.parse_args(argv)
    upstream = Upstream(host=options.host, port=options.port, control=options.control, health=options.health)
    try:
        asyncio.run(upstream.serve())
    except KeyboardInterrupt:
        parser.exit(130)


if __name__ == "__main__":
    main()
