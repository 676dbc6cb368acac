"""All proxies of a process, by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chaos.links.embedded.environment import Environment
from chaos.links.embedded.errors import ApiError, proxy_exists, proxy_not_found
from chaos.links.embedded.proxy import Proxy

__all__ = ["Collection", "ProxySpecification"]


@dataclass(frozen=True, slots=True)
class ProxySpecification:
    """What a caller says about a proxy to be made."""

    name: str
    listen: str
    """`host:port`; empty or port 0: the kernel chooses."""
    upstream: str
    enabled: bool


class Collection:
    """Proxies by name. Changes are made one at a time, in the order in which they are asked for."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._proxies: dict[str, Proxy] = {}
        self._lock = asyncio.Lock()

    def all(self) -> list[Proxy]:
        """Every proxy, by the bytes of its name."""
        return [self._proxies[name] for name in sorted(self._proxies, key=lambda name: name.encode())]

    def get(self, name: str) -> Proxy:
        """Raises ApiError 404."""
        try:
            return self._proxies[name]
        except KeyError:
            raise proxy_not_found() from None

    @asynccontextmanager
    async def changing(self, name: str) -> AsyncIterator[Proxy]:
        """The proxy of this name, while nobody else changes any. Raises ApiError 404."""
        async with self._lock:
            yield self.get(name)

    async def add(self, wanted: ProxySpecification) -> Proxy:
        """Make a proxy. Raises ApiError: 409 if the name is taken, 500 if it cannot listen; then there is none."""
        async with self._lock:
            if wanted.name in self._proxies:
                raise proxy_exists()
            return await self._make(wanted)

    async def populate(self, wanted: Iterable[ProxySpecification]) -> tuple[list[Proxy], ApiError | None]:
        """Make or replace proxies in this order until one fails; return those that stand, and the failure.

        A proxy that is there with the same addresses stays as it is: enabled or not, toxics and all.
        """
        done: list[Proxy] = []
        async with self._lock:
            try:
                for specification in wanted:
                    done.append(await self._make_or_keep(specification))
            except ApiError as error:
                return done, error
        return done, None

    async def remove(self, name: str) -> None:
        """Stop a proxy and forget it. Raises ApiError 404."""
        async with self._lock:
            self.get(name).stop()
            del self._proxies[name]

    async def reset(self) -> None:
        """Enable every proxy and take all toxics away, one proxy after the other. Raises ApiError 500."""
        async with self._lock:
            for proxy in self.all():
                await proxy.start()
                proxy.chain.clear()

    def stop(self) -> None:
        """Stop every proxy, at the end of the process."""
        for proxy in self._proxies.values():
            proxy.stop()

    async def _make_or_keep(self, wanted: ProxySpecification) -> Proxy:
        existing = self._proxies.get(wanted.name)
        if existing is not None:
            if not await existing.differs(listen=wanted.listen, upstream=wanted.upstream):
                return existing
            existing.stop()
        return await self._make(wanted)

    async def _make(self, wanted: ProxySpecification) -> Proxy:
        proxy = Proxy(wanted.name, listen=wanted.listen, upstream=wanted.upstream, environment=self._environment)
        if wanted.enabled:
            await proxy.start()
        self._proxies[wanted.name] = proxy
        return proxy
