"""The session service, scripted: it answers, answers with errors, or takes a request and says nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

ANSWERS, ERRORS, HANGS = "answers", "errors", "hangs"
ANSWER = {
    ANSWERS: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ERRORS: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}
REQUEST_WITHIN = 1.0
"""Seconds for a request to follow its connection: the gateway sends it at once, over loopback."""


class Upstream:
    """Serves from a thread of its own while it is entered. What came while it hung is never answered."""

    def __init__(self, mode: str = ANSWERS) -> None:
        self.mode = mode
        self.asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """For UPSTREAM_URL."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Upstream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # the thread is in accept(), which close() alone does not end
        self._socket.close()
        self._thread.join()
        for held in self._held:
            held.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with suppress(OSError):  # it went away
                self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(REQUEST_WITHIN)
        client.recv(4096)
        self.asked += 1
        answer = ANSWER.get(self.mode)
        if answer is None:
            self._held.append(client)
            return
        with client:
            client.sendall(answer)
