from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from chaos.links.embedded.sockets import ListenError, dial, listen

from .peers import address_of, listener


async def test_a_busy_port_is_refused_in_go_s_words():
    with listener() as taken:
        address = address_of(taken)
        with pytest.raises(ListenError) as caught:
            await listen(address, loop=asyncio.get_running_loop())
    assert str(caught.value) == f"listen tcp {address}: bind: address already in use"


async def test_an_address_that_is_none_is_refused_in_go_s_words():
    with pytest.raises(ListenError, match=r"^listen tcp: address foo: missing port in address$"):
        await listen("foo", loop=asyncio.get_running_loop())


async def test_a_port_in_time_wait_can_be_taken():
    with await listen("127.0.0.1:0", loop=asyncio.get_running_loop()) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1


async def test_dials_by_name_and_without_keepalive():
    with listener() as upstream:
        dialled = await dial(f"localhost:{upstream.getsockname()[1]}", loop=asyncio.get_running_loop())
        with dialled.sock:
            assert dialled.broken == 0
            assert dialled.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
            assert str(dialled.where) == address_of(upstream)


async def test_a_refused_dial_raises_what_the_kernel_said():
    with pytest.raises(OSError, match="Connection refused") as caught:
        await dial("127.0.0.1:1", loop=asyncio.get_running_loop())
    assert caught.value.errno == errno.ECONNREFUSED


async def test_a_cancelled_dial_leaves_no_socket_behind():
    with listener(backlog=0) as hole:
        loop = asyncio.get_running_loop()
        fillers = []
        while True:
            try:
                async with asyncio.timeout(0.1):
                    fillers.append((await dial(address_of(hole), loop=loop)).sock)
            except TimeoutError:
                break  # an unclosed socket would be a ResourceWarning, which is an error here
        for sock in fillers:
            sock.close()
