"""The suite's own companions of a server, where they are processes: the proxy and the scripted upstream."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chaos.address import Address
from chaos.errors import EnvironmentFailure, ToolMissing
from chaos.runtime.base import Place, RuntimeOptions, SpawnedProcess, ToxiproxyEndpoint
from chaos.runtime.environment import own_environment, own_module
from chaos.runtime.health import CHECK_WITHIN, Check, Dial, Died, NeverHealthy, answers_200, fetch, wait_healthy
from chaos.runtime.logs import TOLD, quote, tail

__all__ = ["Helper", "ask_version", "find_toxiproxy", "proxy_endpoint", "start_proxy", "start_upstream"]

HELPER_WITHIN = 20.0
"""Seconds for a helper of ours to serve: 0.2 s here, and a machine a hundred times as slow is not worth a run."""

ENGINE_HOME = "/var/lib/chaos-engine"
"""Where the air-gapped set-up keeps the Toxiproxy it has built, unless CHAOS_ENGINE_HOME says otherwise."""


PROXY_NAMES = {"embedded": "the embedded proxy", "toxiproxy": "Toxiproxy"}
"""What an error calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """A process of ours that serves, or is about to."""

    what: str
    process: SpawnedProcess
    check: Check
    remedy: str = ""
    """What brings one that works, as the end of a sentence; else its log is all there is to say."""

    def wait(self) -> None:
        """Return once it serves. Raises EnvironmentFailure: a helper that fails is never the target's fault."""
        try:
            wait_healthy(self.check, exit_code=lambda: self.process.wait(0), within=HELPER_WITHIN)
        except (Died, NeverHealthy) as problem:
            seen = f"does not serve after {HELPER_WITHIN:g}s: {problem}"
            if isinstance(problem, Died):
                seen = f"ended with exit code {problem.exit_code} while starting"
            log = quote(self.process.log_tail())
            raise EnvironmentFailure(f"{self.what} {seen}{self.remedy}{log}") from problem


def start_upstream(place: Place, *, data: Address, control: Address, health: str, log: Path) -> Helper:
    """The scripted upstream on these two addresses of the place."""
    arguments = ["--host", data.host, "--port", str(data.port), "--control", str(control.port), "--health", health]
    argv = own_module("chaos.upstream", *arguments)
    process = place.spawn(argv, name="upstream", env=own_environment(), log=log)
    return Helper(what="the scripted upstream", process=process, check=answers_200(data, health, dial=place.dial))


def start_proxy(place: Place, *, options: RuntimeOptions, api: Address, log: Path) -> Helper:
    """The proxy with its API on this address of the place. Raises ToolMissing where there is no Toxiproxy."""
    remedy = ""
    if options.proxy == "embedded":
        seed = [] if options.seed is None else ["--seed", str(options.seed)]
        argv = own_module("chaos.links.embedded", "--host", api.host, "--port", str(api.port), *seed)
    else:
        program = find_toxiproxy(os.environ)
        argv = [str(program), "-host", api.host, "-port", str(api.port)]
        remedy = (
            f"; see whether {program} is a Toxiproxy (CHAOS_TOXIPROXY_SERVER names another), or take the embedded "
            "proxy (--chaos-proxy=embedded)"
        )
    process = place.spawn(argv, name="proxy", env=own_environment(), log=log)
    return Helper(
        what=PROXY_NAMES[options.proxy],
        process=process,
        check=answers_200(api, "/version", dial=place.dial),
        remedy=remedy,
    )


def proxy_endpoint(
    place: Place, *, kind: Literal["embedded", "toxiproxy"], api: Address, server: Address, log: Path
) -> ToxiproxyEndpoint:
    """The proxy of `start_proxy`, once it serves; `log` is the file that one writes to."""
    return ToxiproxyEndpoint(
        api=api,
        kind=kind,
        version=ask_version(api, what=PROXY_NAMES[kind], dial=place.dial),
        listen_host=api.host,
        reach_host=api.host,
        ports=None,
        server_upstream=server,
        log_tail=functools.partial(tail, log, TOLD),
    )


def ask_version(api: Address, *, what: str, dial: Dial) -> str:
    """The version of a proxy that has just begun to serve: `{"version": "2.12.0"}`, or bare text before 2.5.

    Raises EnvironmentFailure where it hangs all the same.
    """
    try:
        _, body = fetch(api, "/version", dial=dial, within=CHECK_WITHIN)
    except (OSError, ValueError) as error:
        raise EnvironmentFailure(f"{what} at {api} began to serve and answers no more: {error}; run again") from error
    text = body.decode("utf-8", errors="replace").strip()
    try:
        return str(json.loads(text)["version"])
    except (ValueError, TypeError, KeyError):
        return text


def find_toxiproxy(environment: Mapping[str, str]) -> Path:
    """The `toxiproxy-server` of this machine. Raises ToolMissing with what would bring one."""
    named = environment.get("CHAOS_TOXIPROXY_SERVER")
    built = Path(environment.get("CHAOS_ENGINE_HOME", ENGINE_HOME)) / "bin" / "toxiproxy-server"
    for candidate in (named, shutil.which("toxiproxy-server", path=environment.get("PATH")), built):
        # Every directory may be "executed", too.
        if candidate and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return Path(candidate)
    told = f"CHAOS_TOXIPROXY_SERVER names {named!r}, which cannot be executed, and it" if named else "it"
    raise ToolMissing(
        f"no toxiproxy-server: {told} is neither on PATH nor at {built}; install Toxiproxy, run `make engine`, "
        "or take the embedded proxy (--chaos-proxy=embedded)"
    )
