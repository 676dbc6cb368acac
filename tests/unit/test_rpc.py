"""Calls between our own processes: answers, errors, and what happens when one of the two is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaos.errors import ChaosError, LinkError
from chaos.rpc import Overdue, RemoteGone, RpcClient, serve

PATIENCE = 10.0
"""Seconds after which something that takes milliseconds counts as hanging."""

IMPATIENCE = 0.2
"""Seconds until a call that hangs is given up: a hundred times what one takes."""


class Unpicklable:
    def __reduce__(self) -> str:
        raise TypeError("this cannot be sent")


class Stubborn(Exception):
    """Pickles, but cannot be made again from its pickle: its constructor wants two arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


class Calculator:
    """A service that remembers who is waiting in it."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.entered = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.gate = asyncio.Event()

    def connection_lost(self) -> None:
        self.lost.set()

    async def add(self, first: int, second: int = 0) -> int:
        return first + second

    async def fail(self) -> None:
        raise LinkError("the proxy hangs")

    async def fail_with_a_cause(self) -> None:
        try:
            raise ConnectionResetError(104, "reset")
        except OSError as error:
            raise ChaosError("lost it") from error

    async def answer_unpicklable(self) -> object:
        return Unpicklable()

    async def answer_lambda(self) -> object:
        return lambda: None

    async def answer_foreign(self) -> object:
        return Foreign()

    async def fail_unpicklable(self) -> None:
        raise ChaosError(Unpicklable())

    async def fail_stubbornly(self) -> None:
        raise Stubborn("one", "two")

    async def wait(self) -> str:
        self.entered.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "through"

    async def wait_for(self, whom: object, how: str, where: tuple[int, int], by: None) -> str:
        return await self.wait()

    async def time_out(self) -> None:
        raise TimeoutError("the server did not answer")

    async def open(self) -> None:
        self.gate.set()

    async def echo(self, data: bytes) -> bytes:
        return data

    def not_a_coroutine(self) -> int:
        return 3

    async def _private(self) -> str:
        return "secret"


@asynccontextmanager
async def calculator(tmp_path: Path) -> AsyncIterator[tuple[Calculator, RpcClient]]:
    service = Calculator()
    server = await serve(service, tmp_path / "s")
    try:
        async with await RpcClient.connect(tmp_path / "s", name="the calculator") as client:
            yield service, client
    finally:
        server.close()
        await server.wait_closed()


class Foreign:
    """Made again from its pickle only where its module can be imported, as a class of a test file is."""

    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("import a_module_that_is_nowhere",)


async def test_an_argument_that_cannot_be_read_is_told_and_ends_nothing(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(ChaosError) as caught:
            await client.call("add", Foreign(), within=PATIENCE)
        assert str(caught.value) == (
            "add was given what its process cannot read "
            "(ModuleNotFoundError: No module named 'a_module_that_is_nowhere'); a fault or a condition of your own has "
            "to be in a package that can be imported, not in the test file"
        )
        assert await client.call("add", 1, second=2, within=PATIENCE) == 3


async def test_an_answer_that_cannot_be_read_is_told_and_ends_nothing(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(ChaosError, match=r"^an answer of the calculator cannot be read here: No module named"):
            await client.call("answer_foreign", within=PATIENCE)
        assert await client.call("add", 1, second=2, within=PATIENCE) == 3


async def test_a_call_is_answered(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        assert await client.call("add", 2, second=3) == 5


async def test_what_the_service_raises_is_raised_at_the_caller(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(LinkError, match=r"^the proxy hangs$"):
            await client.call("fail")
        assert await client.call("add", 1) == 1, "a failed call does not end the connection"


async def test_an_error_with_a_cause_crosses(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(ChaosError, match=r"^lost it$"):
            await client.call("fail_with_a_cause")


@pytest.mark.parametrize("method", ["answer_unpicklable", "answer_lambda"])
async def test_what_cannot_be_sent_is_an_error_and_not_a_hang(tmp_path: Path, method: str) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(ChaosError, match=f"^{method} answered with what cannot be sent: "):
            await asyncio.wait_for(client.call(method), PATIENCE)
        assert await client.call("add", 1) == 1


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("fail_stubbornly", "^fail_stubbornly failed: Stubborn: one$"),
        ("fail_unpicklable", "^fail_unpicklable failed: ChaosError: <.*Unpicklable object at .*>$"),
    ],
)
async def test_an_error_that_cannot_travel_arrives_in_words(tmp_path: Path, method: str, message: str) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(ChaosError, match=message):
            await asyncio.wait_for(client.call(method), PATIENCE)
        assert await client.call("add", 1) == 1


async def test_arguments_that_cannot_be_sent_are_the_callers_error(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(TypeError, match=r"^this cannot be sent$"):
            await client.call("echo", Unpicklable())
        assert await client.call("add", 1) == 1


@pytest.mark.parametrize("method", ["nonsense", "_private", "__init__"])
async def test_what_the_service_does_not_offer(tmp_path: Path, method: str) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(AttributeError, match=f"^Calculator offers no '{method}'$"):
            await client.call(method)


async def test_wrong_arguments_are_the_services_type_error(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            await client.call("add")


async def test_a_method_that_is_no_coroutine_is_an_error(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(TypeError):
            await client.call("not_a_coroutine")


async def test_a_slow_call_does_not_hold_up_a_later_one(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (service, client):
        slow = asyncio.create_task(client.call("wait"))
        await asyncio.wait_for(service.entered.wait(), PATIENCE)
        assert await client.call("add", 1, 1) == 2
        assert not slow.done()
        await client.call("open")
        assert await asyncio.wait_for(slow, PATIENCE) == "through"


async def test_many_calls_at_once_get_their_own_answers(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        assert await asyncio.gather(*(client.call("add", n, n) for n in range(300))) == [2 * n for n in range(300)]


async def test_a_large_message_crosses_whole(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    async with calculator(tmp_path) as (_, client):
        assert await asyncio.gather(*(client.call("echo", data) for _ in range(3))) == [data] * 3


async def test_a_caller_that_gives_up_waiting_does_not_disturb_the_others(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (service, client):
        slow = asyncio.create_task(client.call("wait"))
        await asyncio.wait_for(service.entered.wait(), PATIENCE)
        slow.cancel()
        await client.call("open")
        assert await client.call("add", 4) == 4
        assert slow.cancelled()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("wait",), "wait()"),
        (("wait_for", LinkError("long"), "fast", (1, 2), None), "wait_for(LinkError, 'fast')"),
    ],
)
async def test_a_call_that_hangs_is_given_up_in_plain_words(
    tmp_path: Path, call: tuple[object, ...], told: str
) -> None:
    async with calculator(tmp_path) as (service, client):
        method, *arguments = call
        with pytest.raises(Overdue) as caught:
            await asyncio.wait_for(client.call(str(method), *arguments, within=IMPATIENCE), PATIENCE)
        assert str(caught.value) == (
            f"the calculator did not answer {told} within 200ms; it hangs, or this machine is overloaded: "
            "its log and the last events of its journal say what it was doing"
        )
        assert isinstance(caught.value, ChaosError)
        await asyncio.wait_for(service.entered.wait(), PATIENCE)
        assert not service.cancelled.is_set(), "what it is doing goes on: it may be cleaning up"


async def test_what_answers_too_late_is_nobody_s_answer(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(Overdue):
            await client.call("wait", within=IMPATIENCE)
        await client.call("open")
        assert await asyncio.gather(*(client.call("add", number) for number in range(20))) == list(range(20))


async def test_a_service_that_does_not_even_read_is_given_up_too(tmp_path: Path) -> None:
    """More than the socket's buffers hold: the caller waits in sending, before there is anything to answer."""
    holding = asyncio.Event()

    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await holding.wait()
        writer.close()

    server = await asyncio.start_unix_server(never_read, path=str(tmp_path / "s"), limit=1024)
    async with server, await RpcClient.connect(tmp_path / "s", name="the deaf one") as client:
        with pytest.raises(Overdue, match=r"^the deaf one did not answer echo\(bytes\) within 200ms; "):
            await asyncio.wait_for(client.call("echo", bytes(10**7), within=IMPATIENCE), PATIENCE)
        holding.set()


async def test_a_time_out_of_the_method_itself_is_its_own(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        with pytest.raises(TimeoutError, match=r"^the server did not answer$"):
            await client.call("time_out")


async def test_the_service_is_told_when_its_caller_goes(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (service, client):
        call = asyncio.create_task(client.call("wait"))
        await asyncio.wait_for(service.entered.wait(), PATIENCE)
        await client.close()
        await asyncio.wait_for(service.lost.wait(), PATIENCE)
        await asyncio.wait_for(service.cancelled.wait(), PATIENCE)
        with pytest.raises(RemoteGone, match=r"^the calculator has ended$"):
            await call


async def test_the_service_is_told_when_its_caller_is_killed(tmp_path: Path) -> None:
    """The caller is a process that is killed in the middle of a call: nothing of ours runs at its end."""
    service = Calculator()
    server = await serve(service, tmp_path / "s")
    script = """
        import asyncio, sys
        from pathlib import Path
        from chaos.rpc import RpcClient
        async def main():
            client = await RpcClient.connect(Path(sys.argv[1]), name="it")
            await client.call("wait")
        asyncio.run(main())
    """
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "s"))
    await asyncio.wait_for(service.entered.wait(), PATIENCE)
    assert not service.lost.is_set()
    caller.kill()
    await asyncio.wait_for(service.lost.wait(), PATIENCE)
    await asyncio.wait_for(service.cancelled.wait(), PATIENCE)
    assert await caller.wait() == -signal.SIGKILL
    server.close()
    await server.wait_closed()


async def test_a_service_that_is_killed_ends_the_call_that_waits(tmp_path: Path) -> None:
    script = """
        import asyncio, sys
        from pathlib import Path
        from chaos.rpc import serve
        class Mute:
            def connection_lost(self): pass
            async def wait(self): await asyncio.Event().wait()
            async def ready(self): return True
        async def main():
            server = await serve(Mute(), Path(sys.argv[1]))
            print("listening", flush=True)
            await server.serve_forever()
        asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "s"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"listening\n"
    async with await RpcClient.connect(tmp_path / "s", name="the mute one") as client:
        call = asyncio.create_task(client.call("wait"))
        assert await client.call("ready")
        process.kill()
        with pytest.raises(RemoteGone, match=r"^the mute one has ended$"):
            await asyncio.wait_for(call, PATIENCE)
        with pytest.raises(RemoteGone, match=r"^the mute one has ended, so ready cannot be called$"):
            await client.call("ready")
    await process.wait()


async def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(RemoteGone, match=r"^the conductor does not answer at nowhere: No such file or directory$"):
        await RpcClient.connect(tmp_path / "nowhere", name="the conductor")


async def test_calling_after_closing(tmp_path: Path) -> None:
    async with calculator(tmp_path) as (_, client):
        await client.close()
        with pytest.raises(RemoteGone, match=r"^the calculator has ended, so add cannot be called$"):
            await client.call("add", 1)
