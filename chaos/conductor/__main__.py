"""`python -m chaos.conductor --socket PATH`: started by a deployment, inside the target's network namespace."""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path

from chaos.conductor.service import Conductor
from chaos.rpc import serve


async def conduct(socket: Path) -> None:
    """Serve until the process is ended by whoever started it."""
    async with await serve(Conductor(), socket) as server:
        gc.freeze()
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos.conductor", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the unix socket to listen on")
    asyncio.run(conduct(parser.parse_args().socket))


if __name__ == "__main__":
    main()
