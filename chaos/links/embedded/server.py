"""Everything together: the HTTP API and the proxies behind it."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from chaos.errors import ConfigurationError
from chaos.links.embedded.api.handlers import Api
from chaos.links.embedded.api.metrics import metrics_text
from chaos.links.embedded.collection import Collection, ProxySpecification
from chaos.links.embedded.environment import Environment
from chaos.links.embedded.hangup import HangupWatch
from chaos.links.embedded.http.server import HttpServer
from chaos.links.embedded.randomness import fresh_seed
from chaos.links.embedded.sockets import ListenError, listen
from chaos.links.embedded.traffic import Traffic

__all__ = ["EmbeddedProxy", "Options", "serve"]


@dataclass(frozen=True, slots=True)
class Options:
    """How the process is to run."""

    host: str = "127.0.0.1"
    """Where the API listens."""
    port: int = 8474
    """0: the kernel chooses."""
    seed: int | None = None
    """Of all randomness; None: a fresh one."""
    proxies: Sequence[ProxySpecification] = ()
    """To begin with."""
    proxy_metrics: bool = False
    """Byte counters at /metrics."""
    runtime_metrics: bool = False
    """The process' own figures at /metrics."""


class EmbeddedProxy:
    """The proxy in the running event loop. An async context manager: it listens inside of it."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.seed = fresh_seed() if self.options.seed is None else self.options.seed
        self.url = ""
        """Base of the API, once it listens."""
        self.collection: Collection
        """The proxies, inside the context."""
        self._traffic = Traffic()

    async def __aenter__(self) -> EmbeddedProxy:
        loop = asyncio.get_running_loop()
        self._watch = HangupWatch(loop)
        self.collection = Collection(Environment(loop, self._watch, self.seed, self._traffic))
        wants_metrics = self.options.proxy_metrics or self.options.runtime_metrics
        api = Api(self.collection, seed=self.seed, now=loop.time, metrics=self._metrics if wants_metrics else None)
        self._http = HttpServer(api.router().handle)
        try:
            await self._populate()
            await self._listen()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._http.close()
        self.collection.stop()
        self._watch.close()

    async def _populate(self) -> None:
        _, failure = await self.collection.populate(self.options.proxies)
        if failure is not None:
            raise ConfigurationError(f"a configured proxy does not start: {failure.message}")

    async def _listen(self) -> None:
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        try:
            listener = await listen(f"{host}:{self.options.port}", loop=asyncio.get_running_loop())
        except ListenError as error:
            raise ConfigurationError(
                f"the API has no address: {error}; choose another with --host and --port (0: any free port)"
            ) from None
        await self._http.start(listener)
        self.url = f"http://{host}:{listener.getsockname()[1]}"

    def _metrics(self) -> str:
        return metrics_text(
            self._traffic, of_proxies=self.options.proxy_metrics, of_process=self.options.runtime_metrics
        )


async def serve(options: Options) -> None:
    """Run until SIGTERM or SIGINT; say on standard output, in one line, where the API listens."""
    _raise_file_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with EmbeddedProxy(options) as proxy:
        # What there is now stays: the collector need never look at it again.
        gc.freeze()
        print(f"seed {proxy.seed}", file=sys.stderr, flush=True)
        print(f"listening on {proxy.url}", flush=True)
        await stop.wait()


def _raise_file_limit() -> None:
    """Allow as many open files as we may: a connection takes two, and 1,024 is a common default. Go does the same."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
