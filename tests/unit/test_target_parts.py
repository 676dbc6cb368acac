"""Target files that build on another: what becomes of both, and where a mistake is told to be."""

# ruff: noqa: E501 - messages stand here as they are printed

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from chaos.errors import ConfigurationError
from chaos.schema import keys_of
from chaos.target_file import load_target
from tests.certificates import certificates

BASE = """
name = "mine"
[start]
command = ["server"]
[start.environment]
PROFILE = "fast"
IDLE = "2.5"
[endpoints.echo]
path = "/ws"
[endpoints.feed]
path = "/feed"
message = "news"
[promises.liveness]
heartbeat_interval = "500ms"
heartbeat_timeout = "800ms"
[promises.delivery]
broadcast_interval = "150ms"
"""


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(tmp_path, "base.toml", BASE)


def complaint(path: Path, base: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_target(path)
    return str(caught.value).replace(str(path), "FILE").replace(str(base), "BASE").replace(str(path.parent), "DIR")


def test_tables_are_merged_and_values_replaced(base: Path) -> None:
    target = load_target(
        write(
            base.parent,
            "slow.toml",
            """
            name = "mine-slow"
            extends = "base.toml"
            [start.environment]
            PROFILE = "staging"
            [promises.liveness]
            heartbeat_interval = "15s"
            """,
        )
    )
    assert target.name == "mine-slow"
    assert target.file == base.parent / "slow.toml"
    assert target.start.command == ("server",)
    assert target.start.environment == {"PROFILE": "staging", "IDLE": "2.5"}
    assert target.promises.value("liveness.heartbeat_interval") == pytest.approx(15)
    assert target.promises.value("liveness.heartbeat_timeout") == pytest.approx(0.8)
    assert target.promises.value("delivery.broadcast_interval") == pytest.approx(0.15)


def test_what_is_left_out_is_not_there(base: Path) -> None:
    without = ["promises.delivery", "endpoints.feed", "start.environment.IDLE"]
    target = load_target(write(base.parent, "less.toml", f'extends = "base.toml"\nwithout = {without}\n'))
    assert target.promises.value("delivery") is None
    assert target.endpoints.feed is None
    assert target.start.environment == {"PROFILE": "fast"}
    assert target.name == "mine"


def test_a_table_that_is_left_out_may_be_said_anew(base: Path) -> None:
    text = 'extends = "base.toml"\nwithout = ["promises.liveness"]\n[promises.liveness]\nmax_age = "1h"\n'
    target = load_target(write(base.parent, "other.toml", text))
    assert target.promises.declared() == ("liveness.max_age", "delivery.broadcast_interval")


def test_a_third_file_and_paths_from_where_they_were_written(base: Path) -> None:
    write(base.parent, "image/Dockerfile", "FROM scratch")
    write(base.parent, "one.toml", 'extends = "base.toml"\nwithout = ["promises.delivery"]\nstart.build = "image"\n')
    target = load_target(write(base.parent, "deep/down/two.toml", 'extends = "../../one.toml"\nname = "two"\n'))
    assert target.start.build is not None
    assert target.resolve(target.start.build) == (base.parent / "image").resolve()
    assert target.resolve(target.start.directory) == base.parent.resolve()
    assert target.without == ()
    assert target.promises.value("delivery") is None


def test_certificates_are_where_the_file_is_that_names_them(base: Path) -> None:
    certificates(base.parent / "down", "example.test")
    text = 'extends = "../base.toml"\ntls = {server_name = "example.test", ca = "ca.pem"}\n'
    write(base.parent, "down/one.toml", text)
    target = load_target(write(base.parent, "two.toml", 'extends = "down/one.toml"\nname = "two"\n'))
    assert target.tls is not None
    assert target.tls.ca == str((base.parent / "down" / "ca.pem").resolve())
    assert (target.tls.server_name, target.tls.verify) == ("example.test", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            'extends = "base.toml"\n[promises.liveness]\nheartbeat_interval = 15\n',
            """
            FILE has 1 mistake:
            FILE:3: promises.liveness.heartbeat_interval is a number without a unit; did you mean "15s" or "15ms"?
                found:   15
                allowed: a duration, text with a unit (us, ms, s, m, min, h, d), such as "30s" or "250ms"
            """,
            id="in the nearer file",
        ),
        pytest.param(
            'extends = "base.toml"\nwithout = ["endpoints.feed"]\n',
            """
            FILE has 1 mistake:
            BASE:17: promises.delivery.broadcast_interval cannot be tested without endpoints.feed: it is where broadcasts are received
                allowed: declare endpoints.feed, or leave promises.delivery.broadcast_interval out (its scenarios are then skipped)
            """,
            id="in the other file",
        ),
        pytest.param(
            "extends = 3\n",
            """
            FILE has 1 mistake:
            FILE:1: extends is not text
                found:   3
                allowed: the path of a target file
            """,
            id="no path",
        ),
        pytest.param(
            'extends = "bose.toml"\n',
            """
            FILE has 1 mistake:
            FILE:1: extends names no file: there is no DIR/bose.toml
                found:   "bose.toml"
            """,
            id="no file",
        ),
        pytest.param(
            'extends = "file.toml"\n',
            """
            FILE has 1 mistake:
            FILE:1: extends leads back to a file that extends this one
                found:   "file.toml"
            """,
            id="itself",
        ),
        pytest.param(
            'extends = "base.toml"\nwithout = ["promises.delivry"]\n',
            """
            FILE has 1 mistake:
            FILE:2: without[0] is no key of base.toml; did you mean "promises.delivery"?
                found:   "promises.delivry"
            """,
            id="a key that is not there",
        ),
        pytest.param(
            'extends = "base.toml"\nwithout = ["name", "[x"]\n',
            """
            FILE has 1 mistake:
            FILE:2: without[1] is no key of base.toml
                found:   "[x"
            """,
            id="no key at all",
        ),
        pytest.param(
            'name = "mine"\nwithout = ["promises"]\n',
            """
            FILE has 1 mistake:
            FILE:2: without leaves nothing out: the file extends no other
            """,
            id="nothing to leave out of",
        ),
        pytest.param(
            'extends = "base.toml"\nwithout = ["start.environment.Idle"]\n',
            """
            FILE has 1 mistake:
            FILE:2: without[0] is no key of base.toml; did you mean "start.environment.IDLE"?
                found:   "start.environment.Idle"
            """,
            id="another case",
        ),
        pytest.param(
            'extends = "base.toml"\nwithout = ["endpoints.feed", "start.command = 0 #"]\n',
            """
            FILE has 1 mistake:
            FILE:2: without[1] is no key of base.toml; did you mean "start.command"?
                found:   "start.command = 0 #"
            """,
            id="a key with its value",
        ),
        pytest.param(
            'extends = "base.toml"\nwithout = ["start = 1\\nname"]\n',
            """
            FILE has 1 mistake:
            FILE:2: without[0] is no key of base.toml
                found:   "start = 1\\nname"
            """,
            id="two keys in two lines",
        ),
        pytest.param(
            'name = "mine"\nextend = "base.toml"\nwithout = ["promises"]\n',
            """
            FILE has 2 mistakes:
            FILE:2: extend is not a key of a target file; did you mean extends?
                found:   extend = "base.toml"
                allowed: {keys}
            FILE:3: without leaves nothing out: the file extends no other
            """.replace("{keys}", ", ".join(keys_of(()))),
            id="the key that extends is misspelt",
        ),
    ],
)
def test_mistakes(base: Path, text: str, message: str) -> None:
    assert complaint(write(base.parent, "file.toml", text), base) == dedent(message).strip()


def test_what_is_left_out_and_is_misspelt_there_is_told_at_both_places(tmp_path: Path) -> None:
    base = write(tmp_path, "base.toml", BASE.replace("[promises.liveness]", "[promises.livenes]"))
    said = complaint(write(tmp_path, "file.toml", 'extends = "base.toml"\nwithout = ["promises.liveness"]\n'), base)
    assert said.startswith("FILE has 2 mistakes:\n")
    assert 'FILE:2: without[0] is no key of base.toml; did you mean "promises.livenes"?' in said
    line = BASE.split("\n").index("[promises.liveness]") + 1
    assert f"BASE:{line}: promises.livenes is not a key of promises; did you mean liveness?" in said
