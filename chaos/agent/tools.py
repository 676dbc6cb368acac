"""Running a short-lived program such as nft without blocking anyone: under a deadline, its output in full."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.agent.reaper import Reaper
from chaos.errors import AgentError, ToolMissing

__all__ = ["Output", "run_tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a program said and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


async def run_tool(reaper: Reaper, argv: Sequence[str], *, text: str = "", deadline: float) -> Output:
    """Run a program with `text` as its standard input.

    Input and output are anonymous files in memory, not pipes: neither side ever waits for the other, whatever the size.
    Raises ToolMissing when it is not installed, AgentError when it takes longer than `deadline` seconds.
    """
    program = shutil.which(argv[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        raise ToolMissing(f"{argv[0]} is not installed here; install the package that has it (nft: nftables)")
    files = [os.memfd_create(name, os.MFD_CLOEXEC) for name in ("input", "output", "errors")]
    try:
        os.write(files[0], text.encode())
        os.lseek(files[0], 0, os.SEEK_SET)
        child = _start(program, argv, files)
        ended = reaper.expect(child)
        try:
            exit_code = await asyncio.wait_for(asyncio.shield(ended), deadline)
        except (TimeoutError, asyncio.CancelledError) as error:
            if not ended.done():
                os.kill(child, signal.SIGKILL)  # still ours: only the reaper buries it, and has not
            if isinstance(error, asyncio.CancelledError):
                raise
            raise AgentError(f"{' '.join(argv)} did not end within {deadline:g} s and was killed") from error
        return Output(exit_code=exit_code, stdout=_content(files[1]), stderr=_content(files[2]))
    finally:
        for file in files:
            os.close(file)


def _start(program: str, argv: Sequence[str], files: Sequence[int]) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)]
    return os.posix_spawn(program, list(argv), os.environ, file_actions=actions)


def _content(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")
