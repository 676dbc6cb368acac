from __future__ import annotations

import asyncio
import socket

from chaos.links.embedded.hangup import HangupWatch

from .peers import DEADLINE, address_of, connect, listener, reset


async def pair() -> tuple[socket.socket, socket.socket]:
    with listener() as listening:
        host, port = address_of(listening).split(":")
        near = await connect((host, int(port)))
        far, _ = await asyncio.get_running_loop().sock_accept(listening)
        return near, far


async def test_tells_a_fin_from_an_error_once_each():
    watch = HangupWatch(asyncio.get_running_loop())
    near, far = await pair()
    heard: asyncio.Queue[bool] = asyncio.Queue()
    watch.add(near, heard.put_nowait)
    far.send(b"data is no hang-up")
    far.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(DEADLINE):
        assert await heard.get() is False
        reset(far)
        assert await heard.get() is True
    assert heard.empty()
    watch.remove(near)
    near.close()
    watch.close()


async def test_a_removed_socket_is_forgotten_although_its_event_waits():
    watch = HangupWatch(asyncio.get_running_loop())
    (near, far), (other, other_far) = await pair(), await pair()
    heard: asyncio.Queue[str] = asyncio.Queue()
    watch.add(near, lambda error: (heard.put_nowait("near"), watch.remove(other)))
    watch.add(other, lambda error: (heard.put_nowait("other"), watch.remove(near)))
    reset(far)
    reset(other_far)
    await asyncio.wait_for(heard.get(), DEADLINE)
    await asyncio.sleep(0)  # one round of the loop, in which the second would have been heard
    assert heard.empty()
    for sock in (near, other):
        watch.remove(sock)
        sock.close()
    watch.close()
