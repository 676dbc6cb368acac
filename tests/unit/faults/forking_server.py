"""A server of two processes for tests: `python forking_server.py PORT`; echoes TCP and prints "listening"."""

from __future__ import annotations

import os
import socket
import sys
import threading


def serve(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    if os.fork():
        print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
