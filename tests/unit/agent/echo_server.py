"""A TCP echo server for tests: `python echo_server.py HOST PORT`; prints "listening" once it does."""

from __future__ import annotations

import socket
import sys
import threading


def serve(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(4096)
    print("listening", flush=True)
    held = []
    while True:
        connection, _ = listener.accept()
        held.append(connection)
        if len(held) <= 64:  # a thread each, but not for a test that only counts a thousand connections
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except ConnectionError:
        pass
    connection.close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
