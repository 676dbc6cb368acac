"""The service: `python -m exhaustion --host H --port P`. Ends with 2 for a setting that cannot be used, naming it."""

from __future__ import annotations

import argparse
import logging
import sys

from exhaustion.settings import MEGABYTE, Settings, read_settings


def main(host: str, port: int, settings: Settings) -> None:
    """Serve until SIGTERM."""
    import uvicorn  # what is refused is refused before that is loaded

    from exhaustion.app import build_app
    from exhaustion.door import Door
    from exhaustion.manager import WebSocketResourceManager
    from exhaustion.unmanaged import ConnectionList
    from exhaustion.wire import Wire

    managed = settings.websocket_resource_manager == "on"
    uvicorn.run(
        build_app(WebSocketResourceManager(settings) if managed else ConnectionList()),
        host=host,
        port=port,
        http=Door,
        ws=Wire,
        # Without the manager nobody is pinged, and a message may be as large as uvicorn's default.
        ws_ping_interval=settings.websocket_heartbeat_interval_seconds if managed else None,
        ws_ping_timeout=settings.websocket_heartbeat_timeout_seconds if managed else None,
        ws_max_size=round(settings.websocket_memory_limit_per_connection_mb * MEGABYTE) if managed else 16 << 20,
        # Without a file left asyncio tries to accept as often as this at once, and writes each failure down: with
        # uvicorn's 2048 ten clients were pinged 6 times in 2.1 s instead of 70.
        backlog=256,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m exhaustion")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        chosen = read_settings()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    main(arguments.host, arguments.port, chosen)
