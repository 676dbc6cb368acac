"""Which runtime `auto` takes, why, and what it says about the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import EngineUnavailable, ImageUnavailable
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.engine import Engine
from chaos.runtime.owner import Owner
from chaos.runtime.selection import RuntimeName, select_runtime, usable_runtimes

from .deploying import stub_target


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("processes", "for containers: --chaos-runtime=containers"),
        ("containers", "for processes: --chaos-runtime=processes"),
        ("attached", "--chaos-runtime=auto takes what fits target and machine"),
    ],
)
def test_what_is_asked_for_is_taken(name: RuntimeName, other: str, no_engine: None) -> None:
    selection = select_runtime(name, stub_target(), options=RuntimeOptions())
    assert selection.runtime.name == name
    assert selection.sentence() == f"{name}, because it was asked for; {other}"


def test_containers_that_were_asked_for_need_an_engine(no_engine: None) -> None:
    target = stub_target(image="x")
    selection = select_runtime("containers", target, options=RuntimeOptions())
    with pytest.raises(EngineUnavailable):
        selection.runtime.deploy(target, owner=Owner.current(), options=RuntimeOptions())


def test_auto_takes_containers_where_engine_and_images_are_at_hand(engine: Engine, tmp_path: Path) -> None:
    selection = select_runtime("auto", stub_target(build=str(tmp_path)), options=RuntimeOptions())
    assert selection.sentence() == (
        f"containers, because Docker {engine.version} answers at {engine.host} and the images are at hand; "
        "for processes: --chaos-runtime=processes"
    )


def test_auto_takes_processes_where_no_engine_answers(no_engine: None) -> None:
    selection = select_runtime("auto", stub_target(image="x"), options=RuntimeOptions())
    assert (selection.runtime.name, selection.reason) == ("processes", "no container engine answers")
    assert selection.other.startswith("for containers: no container engine answers: unix:///nowhere.sock (from DOCKER")


def test_auto_takes_processes_where_an_image_is_not_at_hand(engine: Engine) -> None:
    if engine.home is None:
        pytest.skip("would ask a registry")
    selection = select_runtime("auto", stub_target(image="no/such:image"), options=RuntimeOptions())
    assert (selection.runtime.name, selection.reason) == ("processes", "an image is not at hand")
    assert selection.other.startswith("for containers: image no/such:image is not local, and the air-gapped set-up")
    options = RuntimeOptions(toxiproxy_image="no/such:proxy")
    selection = select_runtime("auto", stub_target(image="no/such:image"), options=options)
    assert selection.other.startswith("for containers: image no/such:proxy is not local, and the air-gapped set-up")


def test_auto_does_not_wait_long_for_a_registry(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def ensure(_: Engine, name: str, *, option: str, within: float) -> None:
        asked.append(within)
        raise ImageUnavailable(f"{name} {option}")

    monkeypatch.setattr("chaos.runtime.images.ensure_image", ensure)
    assert select_runtime("auto", stub_target(image="x"), options=RuntimeOptions()).runtime.name == "processes"
    select_runtime("auto", stub_target(image="x"), options=RuntimeOptions(pull_within=3.0))
    assert asked == [10.0, 3.0]


def test_auto_takes_processes_where_the_target_names_no_image() -> None:
    selection = select_runtime("auto", stub_target(), options=RuntimeOptions())
    assert selection.sentence() == (
        "processes, because the target names no image; for containers give it start.image or start.build"
    )


def test_auto_attaches_where_the_target_names_only_an_address() -> None:
    target = stub_target(command=None, attach="ws://localhost:1")
    assert select_runtime("auto", target, options=RuntimeOptions()).sentence() == (
        "attached, because the target names an address and no way to start it; "
        "give it start.command, start.image or start.build to have it started"
    )


def test_a_target_that_is_only_an_image_says_why_it_cannot_be_started(no_engine: None) -> None:
    with pytest.raises(EngineUnavailable):
        select_runtime("auto", stub_target(command=None, image="x"), options=RuntimeOptions())


def test_the_runtimes_this_machine_can_hold(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_runtimes() == {"processes": None, "containers": None}
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    found = usable_runtimes()
    assert found["processes"] is None
    assert (found["containers"] or "").startswith(
        "no container engine answers: unix:///nowhere.sock (from DOCKER_HOST)"
    )
