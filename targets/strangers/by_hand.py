"""Looks at one stranger without the suite: plain sockets and /proc/net/tcp, nothing of `chaos`.

For a red of the survey that has to be proven. Starts the server of a stranger's folder on loopback, connects one peer
that is dead in one of the ways below, and prints what changes, with the seconds since the handshake: the frames that
arrive, and the server's own socket (its TCP state, the bytes it cannot get rid of, and whether the process holds it).

silent   reads everything, answers nothing, and keeps its side open after the server's FIN
stalled  never reads, and has so much echoed that the server's buffers are full
sigterm  silent, and after a second the server is sent SIGTERM: when its process ends, and with which code
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOOK_EVERY = 0.05  # seconds; what is looked for is a matter of seconds
STATES = {"01": "ESTABLISHED", "04": "FIN_WAIT1", "05": "FIN_WAIT2", "08": "CLOSE_WAIT", "09": "LAST_ACK"}
OPCODES = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
SMALL = 4096
"""Bytes of a stalled peer's receive buffer: the server's side has to fill, not ours."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The server, as its target file starts it."""
    said = tomllib.loads((folder / "target.toml").read_text(encoding="utf-8"))["start"]
    command = [part.format(host="127.0.0.1", port=port) for part in said["command"]]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **said.get("environment", {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def shake_hands(port: int, *, small: bool, deadline: float) -> socket.socket:
    """A WebSocket connection, as soon as there is one. Raises OSError at the deadline, RuntimeError without a 101."""
    while True:
        peer = socket.socket()
        if small:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        try:
            peer.connect(("127.0.0.1", port))
            break
        except OSError:
            peer.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY)
    peer.sendall(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        if not (some := peer.recv(1)):
            break
        answer += some
    if b" 101 " not in answer.split(b"\r\n")[0]:
        raise RuntimeError(f"no 101 but {answer!r}")
    peer.setblocking(False)
    return peer


def fill(peer: socket.socket) -> None:
    """As many text messages as the connection takes."""
    payload = b"x" * 60000
    frame = b"\x81\xfe" + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload
    left, quiet_since = b"", time.monotonic()
    while time.monotonic() - quiet_since < 1.0:  # second without one byte taken: all buffers are full
        left = left or frame
        try:
            left = left[peer.send(left) :]
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(LOOK_EVERY)


def servers_side(port: int, peers: int) -> str:
    """The server's socket to our peer, as the kernel has it."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if (fields[1][-4:], fields[2][-4:]) == (f"{port:04X}", f"{peers:04X}"):
            unsent = "bytes unsent" if int(fields[4].partition(":")[0], 16) else "nothing unsent"
            held = "held by the process" if fields[9] != "0" else "left to the kernel"
            return f"socket {STATES.get(fields[3], fields[3])}, {unsent}, {held}"
    return "socket gone"


def frames(received: bytearray) -> Iterator[str]:
    """The frames in what arrived (none here is longer than 125 bytes), taken out of it."""
    while len(received) >= 2 and len(received) >= 2 + received[1]:
        kind, payload = OPCODES.get(received[0] & 15, "?"), bytes(received[2 : 2 + received[1]])
        code = f" {int.from_bytes(payload[:2], 'big')} {payload[2:].decode()!r}" if kind == "close" else ""
        yield f"frame {kind}{code}"
        del received[: 2 + received[1]]


def watch(server: subprocess.Popen[bytes], port: int, peer: socket.socket, way: str, seconds: float) -> None:
    began, seen, received, ended = time.monotonic(), "", bytearray(), False
    told = way != "sigterm"

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.2f} s  {what}", flush=True)

    while (now := time.monotonic() - began) < seconds:
        if not told and now > 1:
            told = True
            say("SIGTERM")
            server.send_signal(signal.SIGTERM)
        if way != "stalled" and not ended:
            try:
                some = peer.recv(65536)
                received += some
                ended = not some
                for frame in frames(received):
                    say(frame)
                if ended:
                    say("FIN")
            except BlockingIOError:
                pass
            except ConnectionError as error:
                ended = True
                say(type(error).__name__)
        if (side := servers_side(port, peer.getsockname()[1])) != seen:
            seen = side
            say(side)
        if (code := server.poll()) is not None:
            say(f"process ended with {code}")
            return
        if side == "socket gone" and way != "sigterm":
            return
        time.sleep(LOOK_EVERY)
    say("looked no longer")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stranger", choices=sorted(path.parent.name for path in HERE.glob("*/target.toml")))
    parser.add_argument("way", choices=["silent", "stalled", "sigterm"])
    parser.add_argument("--seconds", type=float, default=90.0, help="for how long it is looked at (%(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else the server outlives it
    port = free_port()
    server = start(HERE / options.stranger, port)
    try:
        peer = shake_hands(port, small=options.way == "stalled", deadline=time.monotonic() + 20)
        with peer:
            if options.way == "stalled":
                fill(peer)
            watch(server, port, peer, options.way, options.seconds)
    finally:
        server.kill()
        server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
