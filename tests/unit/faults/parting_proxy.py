"""A proxy that, once it gets SIGUSR1, ends each connection with its next byte: RST to the client, and to the server RST
or FIN, as its arguments say.

`python parting_proxy.py LISTEN UPSTREAM rst|fin`, both ports of 127.0.0.1; it says "listening" when it does, and
"parting" once the signal has reached it.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import sys

LINGER_ZERO = struct.pack("ii", 1, 0)


async def main(listen: int, upstream: int, parting: str) -> None:
    told = asyncio.Event()

    def part() -> None:
        told.set()
        print("parting", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, part)

    async def serve(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", upstream)
        answers = asyncio.create_task(pump(from_server, to_client))
        while chunk := await from_client.read(65536):
            if told.is_set():
                answers.cancel()
                linger(to_client)
                if parting == "rst":
                    linger(to_server)
                to_server.close()
                to_client.close()
                return
            to_server.write(chunk)

    server = await asyncio.start_server(serve, "127.0.0.1", listen)
    print("listening", flush=True)
    await server.serve_forever()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)


def linger(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
