"""The gateway: `python -m gateway --host H --port P`. Ends with 2 for a setting that cannot be used, naming it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial

from gateway.limits import apply_limits
from gateway.selector import new_loop
from gateway.settings import Settings, read_settings


def main(host: str, port: int, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    # Not before the settings are read: whoever has written a bad one waits for no framework to be loaded.
    import uvicorn

    from gateway.app import create_app
    from gateway.protocols import http_within, websocket_closing_within

    config = uvicorn.Config(
        create_app(settings, apply_limits(settings)),
        host=host,
        port=port,
        http=http_within(settings.handshake_timeout),
        ws=websocket_closing_within(settings.close_timeout),
        ws_ping_interval=settings.heartbeat_interval,
        ws_ping_timeout=settings.heartbeat_timeout,
        backlog=100,  # asyncio of Python 3.11 tries to accept as often as this at once, also where files are short
        log_level="warning",
    )
    with asyncio.Runner(loop_factory=partial(new_loop, settings.selector_cap)) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m gateway")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        chosen = read_settings()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    main(arguments.host, arguments.port, chosen)
