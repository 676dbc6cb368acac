"""The conductor's hand on the scripted upstream: set its mode, read its hits."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Literal

from chaos.address import Address
from chaos.errors import FaultError
from chaos.journal import Hit

__all__ = ["ANSWER_WITHIN", "PROOF_PATH", "Mode", "UpstreamControl"]

Mode = Literal["ok", "error", "flap", "give-out", "hang", "slow", "refuse"]

ANSWER_WITHIN = 2.0
"""Seconds for one control call. It takes 1 ms on an idle machine; a loop that a crowd has saturated is 0.5 s late."""


PROOF_PATH = "/_proof"
"""What a fault asks to prove itself. It is answered as any path is, and never counts as the server's hit."""


class UpstreamControl:
    """Control calls to `chaos.upstream.server`, one connection each. Raises FaultError."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._ahead: float | None = None
        """Seconds by which the upstream's clock is ahead of ours; unknown before the first call."""

    async def mode(self, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        """Follow this script from now on.

        `error` answers `status` (400 to 599) after `delay` seconds, `flap` answers and fails by turns, `give-out` fails
        after a first request that is slow or hangs, `slow` answers after `delay` seconds, `hang` never answers,
        `refuse` closes the port; requests that wait already go on waiting.
        """
        await self._call("POST", "/_control", {"mode": mode, "status": status, "delay": delay})

    async def hits(self, since: float = 0.0) -> list[Hit]:
        """Requests that arrived later than `since` (seconds of this process's CLOCK_MONOTONIC), in their order.

        Raises FaultError when some of them no longer fitted the upstream's memory: a count would be too low.
        """
        if self._ahead is None:
            await self._call("GET", "/_hits?since=inf")
        ahead = self._ahead or 0.0
        answer = await self._call("GET", f"/_hits?since={since + ahead!r}")
        dropped = answer["dropped_until"]
        if dropped is not None and dropped > since + ahead:
            raise FaultError(
                f"the upstream at {self._address} was hit so often that the first hits are forgotten; "
                "ask more often or for a later time"
            )
        return [
            Hit(at=hit["at"] - ahead, path=hit["path"], status=hit["status"])
            for hit in answer["hits"]
            if hit["path"] != PROOF_PATH
        ]

    async def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        sent = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                status, answer = await self._exchange(method, path, body)
        except TimeoutError as error:
            raise FaultError(
                f"the upstream's control at {self._address} did not answer within {ANSWER_WITHIN:g}s"
            ) from error
        except (OSError, ValueError) as error:
            raise FaultError(f"the upstream's control at {self._address} does not answer: {error}") from error
        if status != 200:
            raise FaultError(f"the upstream refused {method} {path}: {answer.get('error', status)}")
        received = time.monotonic()
        now = float(answer["now"])
        # All processes of one machine share the clock; a container engine in a virtual machine has one of its own.
        self._ahead = 0.0 if sent <= now <= received else now - (sent + received) / 2
        return answer

    async def _exchange(self, method: str, path: str, body: object) -> tuple[int, dict[str, Any]]:
        reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        try:
            data = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\nhost: {self._address}\r\nconnection: close\r\n"
            writer.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
            answer = await reader.read()
        finally:
            writer.close()
        top, _, content = answer.partition(b"\r\n\r\n")
        if not top:
            raise ValueError("it closed the connection without an answer")
        return int(top.split(b" ", 2)[1]), json.loads(content)
