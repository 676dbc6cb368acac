"""Finding an engine: what the environment names comes first and must answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from docker.context import ContextAPI

from chaos.errors import EngineUnavailable
from chaos.runtime import engine as engine_module
from chaos.runtime.engine import Engine, connect, find_engine

REMEDY = (
    "; start Docker or set DOCKER_HOST (on Debian as root, `make engine` sets one up), "
    "or take the processes runtime (--chaos-runtime=processes)"
)


@pytest.fixture
def nothing_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a context and without a socket in the usual places."""
    monkeypatch.setattr(ContextAPI, "get_current_context", lambda: None)
    monkeypatch.setattr(engine_module, "USUAL_SOCKETS", ())


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("unix:///nowhere.sock", "No such file or directory"),
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("bogus://x", "Invalid bind address protocol: bogus://x"),
    ],
)
def test_an_engine_that_is_named_and_does_not_answer(host: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        find_engine({"DOCKER_HOST": host, "CHAOS_ENGINE_HOME": str(tmp_path)})
    assert str(caught.value) == f"no container engine answers: {host} (from DOCKER_HOST): {reason}{REMEDY}"


def test_an_engine_that_is_not_for_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine_module, "_knock", refuse)
    with pytest.raises(EngineUnavailable) as caught:
        find_engine({"DOCKER_HOST": "unix:///its.sock", "CHAOS_ENGINE_HOME": str(tmp_path)})
    assert str(caught.value) == (
        "no container engine answers: unix:///its.sock (from DOCKER_HOST): "
        f"Permission denied: join the group that its socket belongs to, usually docker{REMEDY}"
    )


def test_an_engine_that_accepts_and_stays_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "ANSWER_WITHIN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(EngineUnavailable) as caught:
            find_engine({"DOCKER_HOST": host, "CHAOS_ENGINE_HOME": str(tmp_path)})
    assert str(caught.value) == f"no container engine answers: {host} (from DOCKER_HOST): timed out{REMEDY}"


def test_no_engine_anywhere(nothing_usual: None, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        find_engine({"CHAOS_ENGINE_HOME": str(tmp_path)})
    assert str(caught.value) == (
        "no container engine answers: DOCKER_HOST is not set and there is no socket in the usual places" + REMEDY
    )


def test_an_air_gapped_set_up_whose_engine_has_ended_is_named_with_its_remedy(
    nothing_usual: None, tmp_path: Path
) -> None:
    (tmp_path / "env").write_text(f"# comment\nDOCKER_HOST=unix://{tmp_path}/run/docker.sock\nCHAOS_PYTHON_IMAGE=p\n")
    with pytest.raises(EngineUnavailable) as caught:
        find_engine({"CHAOS_ENGINE_HOME": str(tmp_path)})
    assert str(caught.value) == (
        f"no container engine answers: unix://{tmp_path}/run/docker.sock (from the air-gapped set-up; `make engine` "
        f"starts it again): No such file or directory{REMEDY}"
    )


def test_the_air_gapped_set_up_names_engine_and_images(engine: Engine, nothing_usual: None, tmp_path: Path) -> None:
    (tmp_path / "env").write_text(
        f"DOCKER_HOST={engine.host}\nCHAOS_PYTHON_IMAGE=its/python\nCHAOS_TOXIPROXY_IMAGE=its/toxiproxy\n"
    )
    found = find_engine({"CHAOS_ENGINE_HOME": str(tmp_path)})
    assert (found.host, found.home, found.local) == (engine.host, tmp_path, True)
    assert (found.python_image, found.toxiproxy_image) == ("its/python", "its/toxiproxy")
    # What the environment says wins; the engine may be named there, too, and is still that set-up's.
    given = {"CHAOS_ENGINE_HOME": str(tmp_path), "CHAOS_PYTHON_IMAGE": "mine", "DOCKER_HOST": engine.host}
    found = find_engine(given)
    assert (found.home, found.python_image, found.toxiproxy_image) == (tmp_path, "mine", "its/toxiproxy")
    options = found.with_images(python=None, toxiproxy="option/toxiproxy")
    assert (options.python_image, options.toxiproxy_image) == ("mine", "option/toxiproxy")


def test_an_engine_of_the_users_own_takes_the_published_images(engine: Engine, tmp_path: Path) -> None:
    found = find_engine({"DOCKER_HOST": engine.host, "CHAOS_ENGINE_HOME": str(tmp_path)})
    assert found.home is None
    assert found.python_image == "python:3.11-slim"
    assert found.toxiproxy_image == "ghcr.io/shopify/toxiproxy:2.12.0"


def test_an_engine_that_ended_since_it_was_found() -> None:
    gone = Engine(
        host="unix:///nowhere.sock", version="1", api_version="1.41", home=None, python_image="p", toxiproxy_image="t"
    )
    with pytest.raises(EngineUnavailable) as caught:
        connect(gone)
    assert str(caught.value) == "the engine at unix:///nowhere.sock no longer answers: No such file or directory"
