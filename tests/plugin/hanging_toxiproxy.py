"""A Toxiproxy that hangs, in one of the ways that have been seen; run as one, it takes `-host` and `-port`.

Its way is in the variable HANGS: `at once` answers nothing at all; `later` tells its version and makes no link; `503`
does so, too, but gives each request up after a while, as Toxiproxy does after 25 s.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GIVEN_UP_AFTER = 0.5
"""Seconds; long enough to be no answer at once, and short of every deadline."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        way = os.environ["HANGS"]
        if self.path == "/version" and way != "at once":
            self._answer(200, json.dumps({"version": "2.12.0"}))
        elif self.path == "/connections" and way != "at once":
            self._answer(404, json.dumps({"error": "no such route, as in Toxiproxy"}))
        elif way == "503":
            time.sleep(GIVEN_UP_AFTER)
            self._answer(503, "<html>given up</html>")
        else:
            time.sleep(3600)

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Silent, as something that hangs is."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-host")
    parser.add_argument("-port", type=int)
    options = parser.parse_args()
    ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
