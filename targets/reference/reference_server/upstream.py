"""The upstream RPC over HTTP: what counts as its failure, what as our own mistake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reference_server.guard import DependencyFailed

if TYPE_CHECKING:
    import httpx

MOST_ANSWER_BYTES = 1024 * 1024
"""A larger answer is not read to its end."""


class UpstreamRefused(Exception):
    """The upstream works and says no (4xx): the request's fault, nothing a circuit breaker should hear of."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class UpstreamBusy(Exception):
    """All our own connections to the upstream are in use: our limit, not its failure."""


class Upstream:
    """A bounded pool of connections to one address. `timeout` seconds bound each step of a call."""

    def __init__(self, url: str, *, timeout: float, max_connections: int) -> None:
        self.url = url
        self._timeout = timeout
        self._max_connections = max_connections
        self._client: httpx.AsyncClient | None = None

    @property
    def configured(self) -> bool:
        """Whether there is an upstream at all."""
        return bool(self.url)

    def open(self) -> None:
        """Make the pool; called at the start, because importing httpx would hold up the first callers by 0.1 s."""
        import httpx

        self._client = httpx.AsyncClient(
            timeout=self._timeout,
            limits=httpx.Limits(max_connections=self._max_connections),
            trust_env=False,  # a proxy in the environment is not the upstream
        )

    async def get(self, path: str) -> object:
        """GET `path`: the decoded JSON, or the text if it is none.

        Raises DependencyFailed (unreachable, broken, 5xx, silent), UpstreamRefused (4xx), UpstreamBusy.
        """
        import httpx

        assert self._client is not None, "open() comes first"
        try:
            async with self._client.stream("GET", self.url + path) as response:
                body = await _read(response)
        except httpx.PoolTimeout as error:
            raise UpstreamBusy(f"all {self._max_connections} upstream connections are in use") from error
        except httpx.TimeoutException as error:
            raise DependencyFailed("timeout", f"{type(error).__name__} after {self._timeout:g} s") from error
        except httpx.ConnectError as error:
            raise DependencyFailed("unreachable", str(error)) from error
        except httpx.HTTPError as error:
            raise DependencyFailed("broken", f"{type(error).__name__}: {error}") from error
        if 400 <= response.status_code < 500:
            raise UpstreamRefused(response.status_code)
        if not response.is_success:
            raise DependencyFailed("error", f"status {response.status_code}")
        return _decode(body)

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_ANSWER_BYTES:
            raise DependencyFailed("too_large", f"more than {MOST_ANSWER_BYTES} bytes")
    return bytes(body)


def _decode(body: bytes) -> object:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
    return value
