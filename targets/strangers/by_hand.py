"""Looks at one stranger without the suite: plain sockets and /proc/net/tcp, nothing of `chaos`.

For a red of the survey that has to be proven. Starts the server of a stranger's folder on loopback, connects one peer
that is dead in one of the ways below, and prints what changes, with the seconds since the handshake: the frames that
arrive, and the server's own socket (its TCP state, the bytes it cannot get rid of, and whether the process holds it).

silent   reads everything, answers nothing, and keeps its side open after the server's FIN
stalled  never reads, and has so much echoed that the server's buffers are full
sigterm  silent, and after a second the server is sent SIGTERM: when its process ends, and with which code
full-sigterm  the same with a peer that never reads and has filled the server's buffers
files    another peer waits to be accepted by a server that can open no more files: what it uses of a core, and how
         much it logs, for ten seconds
packets  sends what stands in `--packet`, one text message each (`hex:` before binary ones), and then the target's own
         message, three times, a second apart: for servers that speak Socket.IO, which every peer here joins first
request  shakes hands with a request that is changed, `--change OLD NEW`, or has `--headers` more, and then says the
         target's own message: what comes back, and what becomes of the socket
frames   sends what stands in `--frame`, in hexadecimal, or a text message of `--text` bytes, or one of `--deflated`
         bytes in a small frame, and then the target's own message
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve().parent
LOOK_EVERY = 0.05  # seconds; what is looked for is a matter of seconds
STATES = {"01": "ESTABLISHED", "04": "FIN_WAIT1", "05": "FIN_WAIT2", "08": "CLOSE_WAIT", "09": "LAST_ACK"}
OPCODES = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
SHORT = 10.0
"""Seconds for which files are short."""
SMALL = 4096
"""Bytes of a stalled peer's receive buffer: the server's side has to fill, not ours."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def target(folder: Path) -> dict[str, Any]:
    """What its target file says."""
    return tomllib.loads((folder / "target.toml").read_text(encoding="utf-8"))


def start(folder: Path, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The server, as its target file starts it; what it logs goes to a file."""
    said = target(folder)["start"]
    command = [part.format(host="127.0.0.1", port=port) for part in said["command"]]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **said.get("environment", {})},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # some have workers, which end with it
    )


def connected(port: int, *, small: bool, deadline: float) -> socket.socket:
    """A connection, as soon as there is one. Raises OSError at the deadline."""
    while True:
        peer = socket.socket()
        if small:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        try:
            peer.connect(("127.0.0.1", port))
            return peer
        except OSError:
            peer.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY)


def request(path: str, *, extension: str = "") -> bytes:
    """A flawless one."""
    offer = f"Sec-WebSocket-Extensions: {extension}\r\n" if extension else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{offer}"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def shake_hands(port: int, *, path: str, small: bool = False, deadline: float, extension: str = "") -> socket.socket:
    """A WebSocket connection. Raises OSError at the deadline, RuntimeError without a 101."""
    peer = connected(port, small=small, deadline=deadline)
    peer.sendall(request(path, extension=extension))
    answer = b""
    while b"\r\n\r\n" not in answer:
        if not (some := peer.recv(1)):
            break
        answer += some
    if b" 101 " not in answer.split(b"\r\n")[0]:
        raise RuntimeError(f"no 101 but {answer!r}")
    peer.setblocking(False)
    return peer


def message(payload: bytes, *, opcode: int = 1, reserved: int = 0) -> bytes:
    """One frame as a client sends it, with a mask of zeros."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = b"\xff" + size.to_bytes(8, "big") if size > 0xFFFF else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | reserved << 4 | opcode]) + length + b"\0\0\0\0" + payload


def deflated(size: int) -> bytes:
    """A text message of so many spaces, as RFC 7692 has it."""
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(b" " * size) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return message(data[:-4], reserved=4)


def join(peer: socket.socket, *, deadline: float) -> None:
    """Join the namespace "/" of a server that speaks Socket.IO. Raises RuntimeError where it does not let us in."""
    received, joining = b"", False
    while b"40{" not in received:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not let in but told {received!r}")
        try:
            received += peer.recv(65536)
        except BlockingIOError:
            time.sleep(LOOK_EVERY)
        if b'0{"sid"' in received and not joining:
            joining = True
            peer.sendall(message(b"40"))


def fill(peer: socket.socket, payload: bytes) -> None:
    """As many text messages as the connection takes."""
    frame = message(payload)
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
    """The frames in what arrived (none here is in fragments), taken out of it; an HTTP answer comes before them."""
    while len(received) >= 10 or (len(received) >= 2 and received[1] < 126):
        if received.startswith(b"HTTP/"):
            head, there, rest = bytes(received).partition(b"\r\n\r\n")
            if not there:
                return
            yield head.split(b"\r\n")[0].decode()
            received[:] = rest if b" 101 " in head else b""
            continue
        if not received[0] & 0x80:
            yield f"no frame: {bytes(received[:60])!r}"
            received.clear()
            return
        start = {126: 4, 127: 10}.get(received[1], 2)
        end = start + (received[1] if start == 2 else int.from_bytes(received[2:start], "big"))
        if len(received) < end:
            return
        kind, payload = OPCODES.get(received[0] & 15, "?"), bytes(received[start:end])
        said = f" {payload[:60]!r}, {len(payload)} bytes" if kind == "text" else ""
        code = (
            f" {int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')!r}" if kind == "close" else ""
        )
        yield f"frame {kind}{code}{said}"
        del received[:end]


def watch(
    server: subprocess.Popen[bytes], port: int, peer: socket.socket, way: str, seconds: float, asks: list[bytes]
) -> None:
    began, seen, received, ended = time.monotonic(), "", bytearray(), False
    told = way not in ("sigterm", "full-sigterm")
    asks = list(asks)

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.2f} s  {what}", flush=True)

    while (now := time.monotonic() - began) < seconds:
        if not told and now > 1:
            told = True
            say("SIGTERM")
            server.send_signal(signal.SIGTERM)
        if asks and now > 4 - len(asks) and not ended:
            say(f"asking {asks[0]!r}")
            try:
                peer.sendall(message(asks.pop(0)))
            except OSError as error:
                say(type(error).__name__)
                asks = []
        if way not in ("stalled", "full-sigterm") and not ended:
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
        if side == "socket gone" and not way.endswith("sigterm") and (ended or way == "stalled"):
            return
        time.sleep(LOOK_EVERY)
    say("looked no longer")


def files(server: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    """Let the server open no more files, knock once, and see what becomes of it."""

    def used() -> float:
        fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    _, most = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (0, most))
    size = os.fstat(log.fileno()).st_size
    with socket.create_connection(("127.0.0.1", port)) as knocking:
        began, before = time.monotonic(), used()
        time.sleep(SHORT)
        if (code := server.poll()) is not None:
            print(f"process ended with {code}")
            return
        lasted, logged = time.monotonic() - began, os.fstat(log.fileno()).st_size - size
        print(f"{(used() - before) / lasted:.2f} of a core, {logged / lasted / 1000:.1f} kB a second logged")
        knocking.setblocking(False)
        try:
            print("the peer is not accepted and", "closed" if knocking.recv(1) == b"" else "answered")
        except BlockingIOError:
            print("the peer is not accepted and waits")
        except ConnectionError as error:
            print("the peer is not accepted:", type(error).__name__)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stranger", choices=sorted(path.parent.name for path in HERE.glob("*/target.toml")))
    ways = ["silent", "stalled", "sigterm", "full-sigterm", "files", "packets", "request", "frames"]
    parser.add_argument("way", choices=ways)
    parser.add_argument("--packet", action="append", default=[], help="what `packets` sends first")
    parser.add_argument(
        "--change", nargs=2, action="append", default=[], metavar=("OLD", "NEW"),
        help=r"what `request` changes in a flawless one; \r\n are written so",
    )  # fmt: skip
    parser.add_argument("--headers", type=int, default=0, help="how many more headers `request` has")
    parser.add_argument("--frame", type=bytes.fromhex, default=b"", help="what `frames` sends first")
    parser.add_argument("--text", type=int, default=0, help="bytes of the text message that `frames` sends first")
    parser.add_argument("--deflated", type=int, default=0, help="bytes of a message that `frames` sends compressed")
    parser.add_argument("--seconds", type=float, default=90.0, help="for how long it is looked at (%(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else the server outlives it
    port = free_port()
    with tempfile.TemporaryFile() as log:
        server = start(HERE / options.stranger, port, log)
        try:
            look(server, port, log, options)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    return 0


def changed(flawless: bytes, options: argparse.Namespace) -> bytes:
    """A request as `request` has it."""
    asked = flawless.decode()
    for old, new in options.change:
        asked = asked.replace(old, new.replace(r"\r\n", "\r\n"))
    more = "".join(f"X-{number}: y\r\n" for number in range(options.headers))
    return asked.replace("\r\n\r\n", f"\r\n{more}\r\n").encode()


def first_frame(options: argparse.Namespace) -> bytes:
    """What `frames` sends first."""
    if options.deflated:
        return deflated(options.deflated)
    return options.frame or message(b" " * options.text)


def look(server: subprocess.Popen[bytes], port: int, log: IO[bytes], options: argparse.Namespace) -> None:
    """Connect the peer, and print what becomes of it, or of the server beside it."""
    said, deadline = target(HERE / options.stranger), time.monotonic() + 20
    joins, echo = said.get("dialect") == "socket.io", said["endpoints"]["echo"]
    full = options.way in ("stalled", "full-sigterm")
    path = SOCKET_IO if joins else echo["path"]
    own = (echo.get("send") or echo["payload_send"]).replace("{payload}", "payload")
    if options.way == "request":
        with connected(port, small=False, deadline=deadline) as peer:
            peer.sendall(changed(request(path), options))
            peer.setblocking(False)
            watch(server, port, peer, options.way, options.seconds, [own.replace("{n}", "1").encode()])
        return
    extension = "permessage-deflate" if options.deflated else ""
    with shake_hands(port, path=path, small=full, deadline=deadline, extension=extension) as peer:
        if options.way == "files":
            files(server, port, log)
            return
        if joins:
            join(peer, deadline=deadline)
        asks = []
        if full:
            fill(peer, b'421["echo","%s"]' % (b"x" * 60000) if joins else b"x" * 60000)
        if options.way == "packets":
            for packet in options.packet:
                _, binary, data = packet.rpartition("hex:")
                peer.sendall(message(bytes.fromhex(data), opcode=2) if binary else message(packet.encode()))
            asks = [("42" * joins + own.replace("{n}", str(number))).encode() for number in (1, 2, 3)]
        if options.way == "frames":
            peer.setblocking(True)
            peer.sendall(first_frame(options))
            peer.setblocking(False)
            asks = [own.replace("{n}", "1").encode()]
        watch(server, port, peer, options.way, options.seconds, asks)


if __name__ == "__main__":
    sys.exit(main())
