"""The variations that are kept: valid, all different, and one of them run for real; `make variations` runs them all."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from reference_server.environment import load_settings

from chaos.report import CellOutcome, open_run, read_cells
from chaos.target import Target
from chaos.target_file import load_target
from tests.detection.forms import FAMILY_SENTINELS
from tests.running import CONTAINERS_SLOWLY, ROOT, run_scenarios
from tests.variations.drawing import GOODBYES, Variation, variations
from tests.variations.pinning import COUNT, DIFFERENT, PINNED, pin, render

FILES = sorted(PINNED.glob("*.toml"))


@pytest.fixture(scope="module")
def kept() -> list[Target]:
    return [load_target(file) for file in FILES]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that lies to the reference server's as targets/variations does."""
    targets = tmp_path_factory.mktemp("targets")
    (targets / "reference").symlink_to(ROOT / "targets" / "reference", target_is_directory=True)
    (targets / "variations").mkdir()
    return targets / "variations"


def test_there_are_as_many_as_is_claimed_and_no_two_are_alike(kept: list[Target]) -> None:
    assert len(kept) == COUNT
    assert len({one.name for one in kept}) == COUNT
    environments = [each.start.environment for each in kept]
    drawn = [name for name in environments[0] if len({each[name] for each in environments}) > 1]
    for one, other in itertools.combinations(environments, 2):
        assert sum(one[name] != other[name] for name in drawn) >= DIFFERENT * len(drawn)


def test_the_server_takes_every_one_that_is_kept(kept: list[Target]) -> None:
    for one in kept:
        read = load_settings(one.start.environment)
        assert one.promises.value("rejection.max_connections") == read.websocket_max_connections
        assert one.promises.value("rejection.answer") == read.websocket_reject_with
        assert one.promises.value("breaker.failure_threshold") == read.breaker_failure_threshold
        assert one.promises.value("liveness.idle_code") == read.websocket_idle_code
        assert one.promises.value("liveness.age_code") == read.websocket_age_code
        assert one.promises.value("closing.shutdown_code") == read.shutdown_code


def test_both_ways_of_each_choice_are_among_them(kept: list[Target]) -> None:
    read = [load_settings(one.start.environment) for one in kept]
    assert {one.websocket_reject_with for one in read} == {"http-503", "close-1013"}
    assert {one.websocket_compression for one in read} == {False, True}
    assert {bool(one.websocket_allowed_origins) for one in read} == {False, True}
    assert {one.breaker_half_open_probes for one in read} == {1, 2, 3}
    assert {one.server_framework for one in read} == {"starlette", "fastapi", "asgi"}
    assert {one.websocket_idle_code for one in read} == {one.websocket_age_code for one in read} == set(GOODBYES)
    assert {one.shutdown_code for one in read} == {1001, 1012}
    assert {one.tls is not None for one in kept} == {False, True}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(one=variations())
def test_whatever_is_drawn_is_a_valid_target_and_valid_settings(beside: Path, one: Variation) -> None:
    file = beside / "drawn.toml"
    file.write_text("\n".join(render(one, number=1)), encoding="utf-8")
    target = load_target(file)
    read = load_settings(target.start.environment)
    # What is promised is never stricter than what is set.
    assert target.promises.value("liveness.heartbeat_interval") > read.websocket_heartbeat_interval
    assert target.promises.value("liveness.heartbeat_timeout") > read.websocket_heartbeat_timeout
    assert target.promises.value("closing.shutdown_within") > read.shutdown_timeout
    # Nobody else may clear up behind the heartbeat.
    dead_within = (
        target.promises.value("liveness.heartbeat_interval")
        + target.promises.value("liveness.heartbeat_timeout")
        + target.promises.value("cleanup.sweep_interval")
    )
    assert read.websocket_idle_timeout_seconds > dead_within


def test_pinning_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "99.toml").touch()
    files = pin(tmp_path)
    assert [file.name for file in files] == [f"{number:02d}.toml" for number in range(1, COUNT + 1)]
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("runtime", CONTAINERS_SLOWLY)
@pytest.mark.parametrize(
    "file",
    [pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if file is not FILES[0] else []) for file in FILES],
)
def test_nothing_goes_red(file: Path, runtime: str, tmp_path: Path) -> None:
    asked = tuple(node for family, node in FAMILY_SENTINELS.items() if (family, runtime) != ("settings", "containers"))
    ended = run_scenarios(asked, runtime=runtime, options=[f"--chaos-target={file}"], directory=tmp_path)
    cells = read_cells(open_run(tmp_path))
    assert len(cells) == len(asked)
    assert [(cell.node, cell.detail) for cell in cells if cell.outcome is not CellOutcome.HELD] == []
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
