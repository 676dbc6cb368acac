"""`python -m pipeline_status --host H --port P`: the database first, then the server; both end together.

Ends with 2 for a setting that cannot be used, naming it, and with 3 where the database cannot be had.
"""

from __future__ import annotations

import argparse
import signal
import sys

import uvicorn

from pipeline_status.app import build_app
from pipeline_status.database.postgresql import Missing
from pipeline_status.database.sessions import Sessions, database
from pipeline_status.parts import Parts
from pipeline_status.protocol import protocol
from pipeline_status.settings import Settings, read_settings

BACKLOG = 100
"""Connections that wait to be accepted. While files are short, asyncio of Python 3.11 tries to accept as often as this
says, and writes a traceback each time: with uvicorn's 2048 nobody was pinged for 3.5 s."""


def main(host: str, port: int, settings: Settings) -> None:
    """Serve until SIGTERM. Raises Missing."""
    # uvicorn raises the signal that ended it once more, and its default action would leave the database to the kernel.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with database(settings) as url:
        uvicorn.run(
            build_app(Parts(settings, Sessions(url, settings))),
            host=host,
            port=port,
            backlog=BACKLOG,
            ws=protocol(settings.close_timeout),
            ws_ping_interval=settings.ping_interval,
            ws_ping_timeout=settings.ping_timeout,
            ws_per_message_deflate=False,
            log_level="warning",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m pipeline_status")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        main(arguments.host, arguments.port, read_settings())
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Missing as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
