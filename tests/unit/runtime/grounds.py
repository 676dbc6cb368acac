"""The grounds that processes can be deployed on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from chaos.agent.hermetic import Isolation, Kind, ProbedIsolation, probe_isolation
from chaos.capability import Availability
from chaos.runtime import ground as ground_module
from chaos.runtime.base import Deployment, RuntimeOptions
from chaos.runtime.owner import Owner
from chaos.runtime.processes import ProcessesRuntime
from chaos.target import Target

GROUNDS = ("namespace", "user namespace", "loopback")


def options_for(ground: str, monkeypatch: pytest.MonkeyPatch, **options: object) -> RuntimeOptions:
    """Options that put a deployment on this ground; skips where the machine has none such."""
    if ground == "loopback":
        return RuntimeOptions(hermetic=False, **options)
    found = probe_isolation()
    if not found.hermetic.available:
        pytest.skip(found.hermetic.reason)
    if ground == "user namespace":
        user = ProbedIsolation(isolation=Isolation(Kind.USER), hermetic=Availability.yes())
        monkeypatch.setattr(ground_module, "_probe", lambda: user)
    return RuntimeOptions(hermetic=True, **options)


@contextlib.contextmanager
def deployed(target: Target, options: RuntimeOptions, *, owner: Owner | None = None) -> Iterator[Deployment]:
    with ProcessesRuntime().deploy(target, owner=owner or Owner.current(), options=options) as deployment:
        yield deployment
