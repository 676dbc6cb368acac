"""Short-lived programs under a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.agent.identity import own_pid
from chaos.agent.processes import read_stat
from chaos.agent.reaper import Reaper
from chaos.agent.tools import Output, run_tool
from chaos.errors import AgentError, ToolMissing

from .support import DEADLINE, wait_until


@pytest.fixture
async def reaper() -> AsyncIterator[Reaper]:
    made = Reaper()
    yield made
    made.close()


async def test_input_and_output_of_any_size_go_through(reaper: Reaper) -> None:
    text = "0123456789abcdef" * 100_000
    assert await run_tool(reaper, ["cat"], text=text, deadline=DEADLINE) == Output(exit_code=0, stdout=text, stderr="")


async def test_how_it_ended_and_what_it_said_are_told(reaper: Reaper) -> None:
    output = await run_tool(reaper, ["sh", "-c", "echo out; echo err >&2; exit 3"], deadline=DEADLINE)
    assert output == Output(exit_code=3, stdout="out\n", stderr="err\n")


async def test_what_takes_too_long_is_killed(reaper: Reaper, tmp_path: Path) -> None:
    with pytest.raises(AgentError) as caught:
        await run_tool(reaper, ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 1000"], deadline=0.2)
    assert str(caught.value).endswith("did not end within 0.2 s and was killed")
    await asyncio.to_thread(wait_until, lambda: not _is_ours(_pid(tmp_path)), "it is gone")


async def test_whoever_gives_up_waiting_kills_it(reaper: Reaper, tmp_path: Path) -> None:
    tool = run_tool(reaper, ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 1000"], deadline=DEADLINE)
    running = asyncio.create_task(tool)
    await asyncio.to_thread(wait_until, lambda: _pid(tmp_path), "it runs")
    assert _is_ours(_pid(tmp_path))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.to_thread(wait_until, lambda: not _is_ours(_pid(tmp_path)), "it is gone")


async def test_several_at_once_have_their_own_exit_codes(reaper: Reaper) -> None:
    outputs = await asyncio.gather(
        *(run_tool(reaper, ["sh", "-c", f"exit {code}"], deadline=DEADLINE) for code in range(10))
    )
    assert [output.exit_code for output in outputs] == list(range(10))


async def test_a_missing_program_is_named(reaper: Reaper) -> None:
    with pytest.raises(ToolMissing) as caught:
        await run_tool(reaper, ["no-such-tool"], deadline=DEADLINE)
    assert str(caught.value) == ("no-such-tool is not installed here; install the package that has it (nft: nftables)")


def _pid(directory: Path) -> int:
    file = directory / "pid"
    return int(file.read_text(encoding="ascii") or 0) if file.exists() else 0


def _is_ours(pid: int) -> bool:
    """Whether it is a living child of this process."""
    stat = read_stat(pid)
    return stat is not None and stat.parent == own_pid() and stat.state != "Z"
