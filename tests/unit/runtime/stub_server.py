"""A server to deploy: standard library only, and every way to start badly that a runtime has to notice.

    GET /health     200, or what --health says; with --needs-upstream, 503 unless the upstream answers, which it is
                    also asked in the first moment: "no upstream" is in the log each time when it does not
    GET /about      {"pid": ..., "arguments": [...], "environment": {...}}
    GET /child      starts a process that sleeps, ignores SIGTERM and leads a session of its own; answers its pid
    GET /upstream   what a GET of $UPSTREAM_URL answers

SIGTERM ends it with exit code 0 and the line "bye".
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import urllib.request

SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def upstream_answers() -> bool:
    try:
        with urllib.request.urlopen(os.environ["UPSTREAM_URL"] + "/health", timeout=5):
            return True
    except OSError as error:
        print("no upstream:", error, flush=True)
        return False


class Handler(http.server.BaseHTTPRequestHandler):
    health = 200
    needs_upstream = False

    def do_GET(self) -> None:
        status, body = 200, ""
        if self.path == "/health":
            status = self.health if not self.needs_upstream or upstream_answers() else 503
        elif self.path == "/about":
            about = {"pid": os.getpid(), "arguments": sys.argv[1:], "environment": dict(os.environ)}
            body = json.dumps(about)
        elif self.path == "/child":
            child = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
            body = str(child.pid)
        elif self.path == "/upstream":
            with urllib.request.urlopen(os.environ["UPSTREAM_URL"], timeout=5) as answer:
                body = answer.read().decode()
        else:
            status = 404
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Silent: the log is for what the tests look for."""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--health", type=int, default=int(os.environ.get("HEALTH", "200")))
    parser.add_argument("--die", type=int, default=int(os.environ.get("DIE", "-1")), help="say so and exit with this")
    parser.add_argument("--deaf", action="store_true", help="never listen")
    parser.add_argument(
        "--needs-upstream", action="store_true", default=bool(os.environ.get("NEEDS_UPSTREAM")), help="see /health"
    )
    options = parser.parse_args()
    print("starting", flush=True)
    if options.needs_upstream:
        upstream_answers()
    if options.die >= 0:
        print("no configuration, no service", flush=True)
        sys.exit(options.die)
    if options.deaf or os.environ.get("DEAF"):
        signal.pause()
    Handler.health = options.health
    Handler.needs_upstream = options.needs_upstream
    server = Server((options.host, options.port), Handler)

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print("serving", flush=True)
    server.serve_forever(poll_interval=0.05)
    print("bye", flush=True)


if __name__ == "__main__":
    main()
