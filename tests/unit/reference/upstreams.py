"""A scripted upstream in a thread of the test's own process."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that gives up is part of the script; anything else is a mistake of the test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # handed on as they are


class ScriptedUpstream:
    """Answers every GET with `status`; holds requests while `hanging`; counts them by path."""

    def __init__(self) -> None:
        self.status = 200
        self.paths: list[str] = []
        self._go = threading.Event()
        self._go.set()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.paths.append(self.path)
                upstream._go.wait()
                body = json.dumps({"value": len(upstream.paths)}).encode()
                try:
                    self.send_response(upstream.status)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:
                    self.close_connection = True  # the caller has given up

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
                """Keep the test's output clean."""

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def hits(self) -> int:
        """Requests so far."""
        return len(self.paths)

    def hang(self) -> None:
        """From now on take requests and do not answer."""
        self._go.clear()

    def resume(self) -> None:
        """Answer again, also those who wait."""
        self._go.set()

    def close(self) -> None:
        """End it."""
        self.resume()
        self._server.shutdown()
        self._server.server_close()


class MoodyUpstream:
    """Treats each GET as its mood is at that moment (`ok`, `error`, `hang`, `drop`, `slow`), and notes when it came."""

    SLOW = 0.05
    """Seconds that a slow answer takes: well within any timeout."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.arrivals: list[tuple[float, int]] = []
        """Seconds monotonic, and the status it is answered with; 0 for none."""
        self._released = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                mood = upstream.mood
                status = {"error": 500, "hang": 0, "drop": 0}.get(mood, 200)
                upstream.arrivals.append((time.monotonic(), status))
                if not status:
                    if mood == "hang":
                        upstream._released.wait()
                    self.close_connection = True
                    return
                if mood == "slow":
                    time.sleep(upstream.SLOW)
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
                """Keep the test's output clean."""

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """End it, and let go of those who hang."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
