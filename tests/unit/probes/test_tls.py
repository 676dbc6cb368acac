"""Questions over TLS: asked by the target's name, and ended at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.probes.conversation import open_connection
from chaos.probes.http import get
from chaos.probes.kept import KeptConnection
from chaos.probes.tls import client_context, end, stream_options, streams_over
from chaos.target import Tls
from tests.certificates import certificates
from tests.unit.crowd.servers import unused_port
from tests.unit.crowd.tls_servers import SecurePeer, secure_echo, secure_server
from tests.unit.probes.answering import with_body

NAME = "server.test"
WITHIN = 5.0


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(server_name=NAME, ca=str(certificates(tmp_path, NAME).ca))


@pytest.fixture
def context(tls: Tls, tmp_path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return made


@pytest.mark.parametrize("kept", [True, False])
async def test_a_server_that_never_says_goodbye_is_left_at_once(context: ssl.SSLContext, tls: Tls, kept: bool) -> None:
    over = asyncio.Event()

    async def rude(peer: SecurePeer) -> None:
        assert b"\r\n\r\n" in await peer.read()
        await peer.send(with_body(b"7"))
        with contextlib.suppress(ConnectionError):
            while await peer.tcp.reader.read(65536):
                pass
        over.set()

    async with asyncio.timeout(WITHIN), secure_server(context, rude) as address:
        if kept:

            async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
                return await asyncio.open_connection(address.host, address.port, **stream_options(tls, within=WITHIN))

            connection = KeptConnection(address, dial)
            assert (await connection.get("/stats")).body == b"7"
            connection.close()
            connection.close()
        else:
            assert (await get(address, "/stats", within=WITHIN, tls=tls)).body == b"7"
        await over.wait()


async def test_a_conversation(context: ssl.SSLContext, tls: Tls) -> None:
    async with secure_echo(context) as address:
        connection = await open_connection(address, "/", within=WITHIN, tls=tls)
        await connection.send("hello")
        assert await connection.recv() == "hello"
        assert connection.request is not None
        assert connection.request.headers["Host"] == str(address)
        connection.transport.abort()


async def test_a_stranger_is_not_talked_to(context: ssl.SSLContext, tmp_path: Path) -> None:
    stranger = Tls(server_name=NAME, ca=str(certificates(tmp_path / "stranger", NAME).ca))
    async with secure_echo(context) as address:
        with pytest.raises(ssl.SSLCertVerificationError):
            await get(address, "/", within=WITHIN, tls=stranger)
        with pytest.raises(ssl.SSLCertVerificationError):
            await open_connection(address, "/", within=WITHIN, tls=stranger)
        unverified = Tls(server_name=NAME, verify=False)
        assert (await get(address, "/", within=WITHIN, tls=unverified)).status == 426


async def test_without_a_word_of_it_nobody_speaks_it() -> None:
    assert stream_options(None, within=WITHIN) == {}
    with unused_port() as nowhere, pytest.raises(ConnectionRefusedError):
        await get(Address(nowhere.host, nowhere.port), "/", within=WITHIN)


def test_certificates_are_read_once(tls: Tls) -> None:
    assert client_context(tls) is client_context(tls)
    assert client_context(tls).verify_mode is ssl.CERT_REQUIRED
    assert client_context(tls).check_hostname


async def test_who_is_called_off_leaves_no_transport_on_a_descriptor(context: ssl.SSLContext, tls: Tls) -> None:
    """At every turn of the loop until it is open: the next socket has the same descriptor, and can be used."""
    loop = asyncio.get_running_loop()

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def connected(where: tuple[str, int]) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        await loop.sock_connect(made, where)
        return made

    server = await asyncio.start_server(patient, "127.0.0.1", 0, ssl=context)
    where = server.sockets[0].getsockname()[:2]
    turns, opened = 0, False
    async with asyncio.timeout(WITHIN), server:
        while not opened:
            turns += 1
            opening = asyncio.create_task(streams_over(await connected(where), stream_options(tls, within=WITHIN)))
            for _ in range(turns):
                await asyncio.sleep(0)
            opened = opening.done()
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                end((await opening)[1])
            (await connected(where)).close()
    assert turns > 3, "it was called off in the middle"
