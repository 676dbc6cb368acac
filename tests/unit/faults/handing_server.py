"""A master that accepts and hands each connection on to its workers in turn, as node's cluster does:

`python handing_server.py PORT`; echoes WebSockets. No worker ever holds the listener. WORKERS says how many there are,
else two; none of them is replaced. It prints "listening" once it is.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sys
import threading

from websockets.server import ServerProtocol
from websockets.sync.server import Server, ServerConnection

WORKERS = int(os.environ.get("WORKERS", "2"))


def _work(channel: socket.socket) -> None:
    while True:
        _, (handed,), _, _ = socket.recv_fds(channel, 1, 1)
        threading.Thread(target=_echo, args=(socket.socket(fileno=handed),), daemon=True).start()


def _echo(accepted: socket.socket) -> None:
    with ServerConnection(accepted, ServerProtocol(), Server(accepted, _nobody)) as peer:
        peer.handshake()
        for message in peer:
            peer.send(message)


def _nobody(peer: ServerConnection) -> None:
    """Of a server that is never started: a connection only asks it whether it is closing."""


def main(port: int) -> None:
    channels = []
    for _ in range(WORKERS):
        own, others = socket.socketpair()
        if not os.fork():
            _work(others)
        others.close()
        channels.append(own)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", port), backlog=100)
    print("listening", flush=True)
    for channel in itertools.cycle(channels):
        accepted, _ = listener.accept()
        with accepted:
            socket.send_fds(channel, [b"."], [accepted.fileno()])


if __name__ == "__main__":
    main(int(sys.argv[1]))
