"""TLS goes through a link as it is: the name that is asked for reaches the server, sliced into pieces or late."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from chaos.crowd.plan import Mode
from chaos.journal import Outcome
from chaos.links.toxics import LatencyToxic, SlicerToxic, Stream, Toxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.target import Tls
from tests.certificates import certificates
from tests.unit.crowd.making import PATIENT, make_crowd
from tests.unit.crowd.tls_servers import secure_echo

NAME = "behind.the.link.test"


@pytest.mark.parametrize(
    "toxic",
    [None, SlicerToxic(average_size=8, delay=0.0002), LatencyToxic(latency=0.02)],
    ids=["clean", "sliced", "late"],
)
async def test_the_name_that_is_asked_for_reaches_the_server(
    toxiproxy: Toxiproxy, tmp_path: Path, toxic: Toxic | None
) -> None:
    files = certificates(tmp_path, NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    asked: list[str] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)  # type: ignore[assignment]
    async with secure_echo(context) as address:
        link = await toxiproxy.create_link("secure", address)
        if toxic is not None:
            await link.add(toxic, stream=Stream.UPSTREAM)
        crowd, recorded = make_crowd(link.address, tls=Tls(server_name=NAME, ca=str(files.ca)), secure=PATIENT)
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.abandon()
        await link.close()
    assert [attempt.outcome for attempt in recorded.attempts] == [Outcome.OPEN]
    assert asked == [NAME]
