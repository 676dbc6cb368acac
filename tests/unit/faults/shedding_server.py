"""A server that turns newcomers away while it has no file, as libuv does: `python shedding_server.py PORT`.

It keeps one file in reserve. Where it can accept nobody it gives that up, accepts with it, ends the connection, and
takes the reserve back.
"""

from __future__ import annotations

import os
import socket
import sys


def main(port: int) -> None:
    reserve = os.open(os.devnull, os.O_RDONLY)
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("listening", flush=True)
        kept = []
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                os.close(reserve)
                listener.accept()[0].close()
                reserve = os.open(os.devnull, os.O_RDONLY)


if __name__ == "__main__":
    main(int(sys.argv[1]))
