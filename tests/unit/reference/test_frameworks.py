"""What finds the endpoint for a path: the same answers with Starlette, with FastAPI and with neither."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from reference_server import closes
from reference_server.app import build_app
from reference_server.environment import BadSetting, load_settings
from reference_server.frameworks import Bare
from reference_server.parts import Parts, build
from starlette.types import Message

from .wired import UPGRADE, configured, end, upgraded

FRAMEWORKS = ("starlette", "fastapi", "asgi")


def parts_with(framework: str, **others: str) -> Parts:
    return build(load_settings({"SERVER_FRAMEWORK": framework, **others}, profile="fast"))


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_an_upgrade_finds_its_endpoint_or_is_told_that_there_is_none(framework: str) -> None:
    for path, status in ((b"/echo", b"101"), (b"/nowhere", b"404"), (b"/echo/", b"404"), (b"/echo?a=b", b"101")):
        protocol, transport = await upgraded(configured(parts_with(framework)), UPGRADE.replace(b"/echo", path))
        await end(protocol)
        assert transport.written[0].split(b" ")[1] == status, path


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_page_is_there_or_is_not(framework: str) -> None:
    transport = httpx.ASGITransport(build_app(parts_with(framework)))  # type: ignore[arg-type]  # two names for ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://reference.test") as client:
        assert (await client.get("/health")).json()["status"] == "ok"
        statuses = [(await client.request(method, "/stats")).status_code for method in ("GET", "HEAD", "POST")]
        assert statuses == [200, 200, 405]
        assert [(await client.get(path)).status_code for path in ("/nowhere", "/openapi.json")] == [404, 404]


async def test_without_one_a_life_begins_and_ends() -> None:
    lived: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        lived.append("began")
        yield
        lived.append("ended")

    sent: list[tuple[str, int]] = []

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        sent.append((message["type"], len(lived)))

    app = Bare(lifespan=lifespan, sockets={}, pages={}, nowhere=lambda _: receive())
    await app({"type": "lifespan"}, receive, send)
    assert sent == [("lifespan.startup.complete", 1), ("lifespan.shutdown.complete", 2)]


@pytest.mark.parametrize("when", ["startup", "shutdown"])
async def test_without_one_a_life_that_fails_is_told_to_the_server(when: str) -> None:
    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        if when == "startup":
            raise OSError("no disk")
        yield
        raise OSError("no disk")

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)

    app = Bare(lifespan=lifespan, sockets={}, pages={}, nowhere=lambda _: receive())
    with pytest.raises(OSError, match="no disk"):
        await app({"type": "lifespan"}, receive, send)
    assert sent[-1] == {"type": f"lifespan.{when}.failed", "message": "no disk"}


def test_one_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_server.settings.find_spec", lambda _: None)
    with pytest.raises(BadSetting, match=r"SERVER_FRAMEWORK=fastapi takes the package fastapi, which is not installed"):
        parts_with("fastapi")


@pytest.mark.parametrize("code", ["999", "1005", "1006", "1015", "2999", "5000"])
def test_a_code_that_may_not_be_sent_is_refused(code: str) -> None:
    with pytest.raises(BadSetting, match="SHUTDOWN_CODE"):
        parts_with("starlette", SHUTDOWN_CODE=code)


def test_a_close_keeps_its_reason_with_another_code() -> None:
    assert closes.coded(closes.AGE, closes.AGE.code) is closes.AGE
    assert closes.coded(closes.AGE, 4408) == closes.Close(4408, closes.AGE.reason)
