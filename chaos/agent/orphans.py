"""What an agent leaves behind when it is killed where it is not PID 1 of a pid namespace, and how it is removed.

Everything an agent starts carries CHAOS_OWNER (the run) and CHAOS_AGENT (that one agent) in its environment, and its
nftables table and control groups carry the agent's token in their names. A run's next start looks for those of dead
owners.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence

from chaos.agent.control_groups import made_groups, remove_group
from chaos.agent.killing import kill_all
from chaos.agent.processes import processes_with

__all__ = ["kill_marked", "remove_groups", "remove_stale_groups", "remove_stale_tables", "remove_table", "stale_tables"]

_NFT_WITHIN = 10.0
"""Seconds; a call takes 12 ms."""


def kill_marked(*, variable: str, value: str, within: float) -> list[int]:
    """Kill the processes started with `variable=value` in their environment; pids of those left after `within` s."""
    return kill_all(lambda: processes_with(variable=variable, value=value), within=within)


def remove_table(table: str, *, prefix: Sequence[str] = ()) -> bool:
    """Delete an nftables table (family inet) here, or where the command `prefix` leads; False if there is none."""
    done = _nft(["delete", "table", "inet", table], prefix)
    return done is not None and done.returncode == 0


def stale_tables(*, prefix: Sequence[str] = ()) -> list[str]:
    """The names of the tables whose agent no longer lives."""
    listed = _nft(["-j", "list", "tables"], prefix)
    if listed is None or listed.returncode != 0:
        return []  # without nft or the right to use it no agent of ours can have made one
    stale = []
    for item in json.loads(listed.stdout)["nftables"]:
        name = item.get("table", {}).get("name", "")
        matched = re.fullmatch(r"chaos_(?P<token>[0-9a-f]{12})(_probe)?", name)
        if matched is not None and not processes_with(variable="CHAOS_AGENT", value=matched["token"]):
            stale.append(name)
    return stale


def remove_stale_tables(*, prefix: Sequence[str] = ()) -> list[str]:
    """Delete the tables whose agent no longer lives; their names."""
    return [name for name in stale_tables(prefix=prefix) if remove_table(name, prefix=prefix)]


def remove_groups(token: str) -> list[str]:
    """Remove the control groups that an agent made, which has ended; their directories."""
    return [str(group) for found, group in list(made_groups()) if found == token and remove_group(group)]


def remove_stale_groups() -> list[str]:
    """Remove the control groups whose agent no longer lives, with what is in them; their directories."""
    return [
        str(group)
        for token, group in list(made_groups())
        if re.fullmatch("[0-9a-f]{12}", token)
        and not processes_with(variable="CHAOS_AGENT", value=token)
        and remove_group(group)
    ]


def _nft(arguments: Sequence[str], prefix: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            [*prefix, "nft", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_NFT_WITHIN,
            check=False,
        )
    except FileNotFoundError:
        return None
