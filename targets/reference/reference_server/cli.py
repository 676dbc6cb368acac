"""The command line: `python -m reference_server --host 127.0.0.1 --port 8765 --profile fast`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from reference_server import defects, logs
from reference_server.environment import BadSetting, load_settings
from reference_server.profiles import PROFILES
from reference_server.settings import Settings

BAD_SETTINGS = 2
CANNOT_LISTEN = 1


def main(arguments: Sequence[str] | None = None, *, environment: Mapping[str, str] = os.environ) -> int:
    """Run the server until it is told to stop; returns the exit code."""
    options = _parse(arguments)
    try:
        broken = defects.load(environment.get("DEFECT", ""))
        for defect in broken:
            defect.prepare()
        settings = load_settings(environment, profile=options.profile)
    except (BadSetting, defects.UnknownDefect) as problem:
        for line in str(problem).splitlines():
            print(f"reference_server: {line}", file=sys.stderr)
        return BAD_SETTINGS
    if options.check:
        _print_settings(settings)
        return 0
    logs.configure(settings.log_level)
    return _run(settings, broken, host=options.host, port=options.port)


def _run(settings: Settings, broken: Sequence[defects.Defect], *, host: str, port: int) -> int:
    # Imported here: a bad setting is reported without waiting for the framework.
    from reference_server.listener import allow_open_files, open_listener
    from reference_server.parts import build
    from reference_server.server import Server

    allow_open_files()
    try:
        listener = open_listener(host, port, send_buffer_bytes=settings.websocket_send_buffer_bytes)
    except (OSError, OverflowError, TypeError) as error:  # TypeError: a host that cannot be written as a name
        print(f"reference_server: cannot listen on {host}:{port}: {error}; choose another --port", file=sys.stderr)
        return CANNOT_LISTEN
    parts = build(settings)
    for defect in broken:
        print(f"reference_server: DEFECT {defect.name}: {defect.description}", file=sys.stderr)
        defect.install(parts)
    server = Server(parts)
    asyncio.run(server.serve(sockets=[listener]))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m reference_server", description="A WebSocket server that keeps its promises."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--profile", choices=sorted(PROFILES), help="outranks the PROFILE variable")
    parser.add_argument("--check", action="store_true", help="check the settings, print them and exit")
    return parser.parse_args(arguments)


def _print_settings(settings: Settings) -> None:
    for field, info in Settings.model_fields.items():
        value = getattr(settings, field)
        shown = "(set)" if field == "websocket_jwt_secret" and value else _shown(value)
        print(f"{field.upper()}={shown}  # {info.description}")


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_shown(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
