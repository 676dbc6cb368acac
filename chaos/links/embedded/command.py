"""`python -m chaos proxy`: the embedded proxy in a process of its own, a drop-in for `toxiproxy-server`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from chaos.errors import ChaosError, ConfigurationError
from chaos.links.embedded.api.bodies import read_proxies
from chaos.links.embedded.collection import ProxySpecification
from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.golang.scanner import JsonError, scan
from chaos.links.embedded.loop import new_event_loop
from chaos.links.embedded.parent import die_with_parent
from chaos.links.embedded.server import Options, serve

__all__ = ["add_arguments", "main", "run"]

EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Toxiproxy's own options, in both spellings (`-port` and `--port`), and ours."""
    parser.description = (
        "A TCP proxy with Toxiproxy 2.12's HTTP API and toxics. Prints `listening on URL` once it does; "
        "SIGTERM and SIGINT stop it."
    )
    parser.add_argument("-host", "--host", default="127.0.0.1", help="where the API listens (%(default)s)")
    parser.add_argument(
        "-port", "--port", type=int, default=8474, help="port of the API, 0 for any free one (%(default)s)"
    )
    parser.add_argument(
        "-config",
        "--config",
        type=Path,
        metavar="FILE.json",
        help="proxies to begin with, in Toxiproxy's format",
    )
    parser.add_argument("-seed", "--seed", type=int, help="seed of all randomness (a fresh one, printed)")
    parser.add_argument(
        "-proxy-metrics", "--proxy-metrics", action="store_true", help="serve byte counters at /metrics"
    )
    parser.add_argument(
        "-runtime-metrics",
        "--runtime-metrics",
        action="store_true",
        help="serve the process' own figures at /metrics",
    )
    parser.add_argument(
        "--die-with-parent",
        action="store_true",
        help="be killed when the parent (the thread that started this process) ends; Linux",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal; return the exit code."""
    try:
        if options.die_with_parent:
            die_with_parent()
        serving = serve(
            Options(
                host=options.host,
                port=options.port,
                seed=options.seed,
                proxies=() if options.config is None else _read_config(options.config),
                proxy_metrics=options.proxy_metrics,
                runtime_metrics=options.runtime_metrics,
            )
        )
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serving)
    except ChaosError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


def main() -> int:
    """`python -m chaos.links.embedded`."""
    parser = argparse.ArgumentParser(prog="python -m chaos.links.embedded")
    add_arguments(parser)
    return run(parser.parse_args())


def _read_config(path: Path) -> list[ProxySpecification]:
    """The proxies of a configuration file. Raises ConfigurationError."""
    try:
        return read_proxies(scan(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"--config {path}: {error.strerror}") from None
    except JsonError as error:
        raise ConfigurationError(f"--config {path}: not JSON: {error}") from None
    except ApiError as error:
        raise ConfigurationError(
            f"--config {path}: {error.message}; "
            'it must be a list such as [{"name": "web", "listen": "127.0.0.1:8001", "upstream": "127.0.0.1:8000"}]'
        ) from None
