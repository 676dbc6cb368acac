"""Good settings are taken, bad ones refused with a message that says how to put it right."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from reference_server.environment import BadSetting, load_settings
from reference_server.profiles import COMMON, PROFILES
from reference_server.settings import Settings

from tests.certificates import certificates

from .running import REFERENCE


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_is_complete_and_valid(profile: str) -> None:
    assert set(PROFILES[profile]) == set(Settings.model_fields)
    load_settings({}, profile=profile)


def test_profile_from_the_environment_and_outranked() -> None:
    assert load_settings({"PROFILE": "staging"}).websocket_heartbeat_timeout == 45
    assert load_settings({"PROFILE": "staging"}, profile="fast").websocket_heartbeat_timeout == 0.7
    assert load_settings({}).log_level == "debug", "development is the default"


def test_a_variable_outranks_the_profile() -> None:
    assert load_settings({"WEBSOCKET_MAX_CONNECTIONS": "7"}, profile="fast").websocket_max_connections == 7


def test_lists() -> None:
    settings = load_settings(
        {"WEBSOCKET_ALLOWED_ORIGINS": "https://a, https://b", "WEBSOCKET_CONNECT_PHASES": "5,4,3,2,1"}, profile="fast"
    )
    assert settings.websocket_allowed_origins == ("https://a", "https://b")
    assert settings.websocket_connect_phases == (5, 4, 3, 2, 1)


@pytest.mark.parametrize("variable", ["WEBSOCKET_SERVICE_HOST", "WEBSOCKET_PORT", "UPSTREAM_PORT_80_TCP_ADDR"])
def test_an_orchestrators_own_variables_are_let_be(variable: str) -> None:
    load_settings({variable: "10.0.0.1"}, profile="fast")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "WEBSOCKET_HEARTBEAT_TIMEOUT",
            "-1",
            "bad setting WEBSOCKET_HEARTBEAT_TIMEOUT: found '-1'; allowed: seconds a peer has for its pong, above 0; "
            "remedy: set it so, or leave it out for the fast profile's value 0.7",
        ),
        (
            "WEBSOCKET_MAX_CONNECTIONS",
            "many",
            "bad setting WEBSOCKET_MAX_CONNECTIONS: found 'many'; allowed: connections let in at once, a whole number "
            "from 1; remedy: set it so, or leave it out for the fast profile's value 100",
        ),
        (
            "WEBSOCKET_HARTBEAT_INTERVAL",
            "1",
            "bad setting WEBSOCKET_HARTBEAT_INTERVAL: found '1'; allowed: only the settings listed by --check; "
            "remedy: did you mean WEBSOCKET_HEARTBEAT_INTERVAL?",
        ),
        (
            "WEBSOCKET_JWT_SECRET",
            "short",
            "bad setting WEBSOCKET_JWT_SECRET: found '(not shown)'; allowed: secret for HS256 tokens, 32 bytes or "
            "more; empty: no tokens asked for; remedy: set it so, or leave it out for the fast profile's value",
        ),
        (
            "WEBSOCKET_IDLE_WARNING_SECONDS",
            "1.5",
            "settings contradict each other: WEBSOCKET_IDLE_WARNING_SECONDS=1.5 must be less than "
            "WEBSOCKET_IDLE_TIMEOUT_SECONDS=1.5: the warning comes first",
        ),
        (
            "SHUTDOWN_TIMEOUT",
            "0.5",
            "settings contradict each other: SHUTDOWN_TIMEOUT=0.5 must exceed WEBSOCKET_CLOSE_TIMEOUT=0.5: every "
            "client is closed before the exit",
        ),
        (
            "WEBSOCKET_MAX_MESSAGE_BYTES",
            "10000000",
            "settings contradict each other: WEBSOCKET_MEMORY_LIMIT_PER_CONNECTION_MB=5 must be at least 21.3: "
            "WEBSOCKET_OUTBOX_BYTES, two messages of WEBSOCKET_MAX_MESSAGE_BYTES and twice WEBSOCKET_SEND_BUFFER_BYTES "
            "come to that",
        ),
        (
            "BREAKER_SUCCESS_THRESHOLD",
            "3",
            "settings contradict each other: BREAKER_SUCCESS_THRESHOLD=3 must not exceed BREAKER_HALF_OPEN_PROBES=2: "
            "the breaker could never close",
        ),
        (
            "PROFILE",
            "fats",
            "bad setting PROFILE: found 'fats'; allowed: fast, staging, production, development; "
            "remedy: did you mean fast?",
        ),
    ],
)
def test_bad_setting_is_refused_with_its_remedy(variable: str, value: str, message: str) -> None:
    with pytest.raises(BadSetting) as refused:
        load_settings({"PROFILE": "fast", variable: value})
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WEBSOCKET_BACKPRESSURE_THRESHOLD", "0"),
        ("WEBSOCKET_BACKPRESSURE_THRESHOLD", "1.01"),
        ("WEBSOCKET_HEARTBEAT_INTERVAL", "0"),
        ("WEBSOCKET_HEARTBEAT_INTERVAL", "nan"),
        ("WEBSOCKET_CLEANUP_INTERVAL", "inf"),
        ("WEBSOCKET_MAX_CONNECTIONS", "0"),
        ("WEBSOCKET_MAX_CONNECTIONS", "1.5"),
        ("WEBSOCKET_MAX_CONNECTIONS", ""),
        ("WEBSOCKET_REJECT_WITH", "503"),
        ("WEBSOCKET_CONNECT_PHASES", "1,2,3"),
        ("WEBSOCKET_CONNECT_PHASES", "1,2,3,4,x"),
        ("WEBSOCKET_COMPRESSION", "maybe"),
        ("WEBSOCKET_PING_TIMEOUT", "5"),
        ("UPSTREAM_URL", "localhost:80"),
        ("BREAKER_FAILURE_THRESHOLD", "1000"),
        ("BREAKER_MAX_RECOVERY_TIMEOUT", "0.1"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_value_out_of_range_is_refused(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        load_settings({"PROFILE": "fast", variable: value})


def tls(**files: object) -> str | None:
    """What the server says of these files, where it does not take them."""
    try:
        load_settings({f"WEBSOCKET_TLS_{name.upper()}": str(path) for name, path in files.items()}, profile="fast")
    except BadSetting as error:
        return str(error)
    return None


def test_a_certificate_and_its_key(tmp_path: Path) -> None:
    mine, other = certificates(tmp_path / "mine", "a.test"), certificates(tmp_path / "other", "a.test")
    assert tls(certificate=mine.certificate, key=mine.key) is None
    both = f"settings contradict each other: WEBSOCKET_TLS_CERTIFICATE={mine.certificate} and WEBSOCKET_TLS_KEY="
    assert tls(certificate=mine.certificate) == f"{both} go together: give both, or neither"
    assert tls(certificate=mine.certificate, key=other.key) == (
        f"{both}{other.key} must be a certificate and its key, PEM: key values mismatch"
    )
    nowhere = tmp_path / "nowhere.pem"
    assert tls(certificate=mine.certificate, key=nowhere) == (
        f"{both}{nowhere} must be a certificate and its key, PEM: No such file or directory"
    )
    said = tls(certificate=mine.key, key=mine.key)
    assert said is not None
    assert said.startswith(f"settings contradict each other: WEBSOCKET_TLS_CERTIFICATE={mine.key} and ")


def locked_key(directory: Path) -> tuple[Path, Path]:
    """A certificate, and its key with a password."""
    mine = certificates(directory, "a.test")
    locked = directory / "locked.pem"
    key = serialization.load_pem_private_key(mine.key.read_bytes(), password=None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    return mine.certificate, locked


def test_a_key_with_a_password_is_no_key(tmp_path: Path) -> None:
    certificate, locked = locked_key(tmp_path)
    said = tls(certificate=certificate, key=locked)
    assert said is not None
    assert "must be a certificate and its key, PEM: " in said


ASKED_WITHIN = 60.0
"""Seconds in which a process that waits for a password at its terminal has not ended, and one that does not has."""


def test_nobody_is_asked_for_a_password_at_the_terminal(tmp_path: Path) -> None:
    """OpenSSL asks at the controlling terminal, whatever stdin is: only a process that has one shows it."""
    certificate, locked = locked_key(tmp_path)
    terminal, its_end = pty.openpty()
    program = (
        "import fcntl, os, sys, termios\n"
        f"os.setsid(); fcntl.ioctl({its_end}, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'reference_server', '--port', '0', '--profile', 'fast'])"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(REFERENCE),
        "WEBSOCKET_TLS_CERTIFICATE": str(certificate),
        "WEBSOCKET_TLS_KEY": str(locked),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            pass_fds=[its_end],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASKED_WITHIN,
            check=False,
        )
        os.set_blocking(terminal, False)
        with contextlib.suppress(BlockingIOError):
            assert os.read(terminal, 1000) == b"", "it was asked for at the terminal"
    finally:
        os.close(its_end)
        os.close(terminal)
    assert done.returncode == 2
    assert "must be a certificate and its key, PEM: " in done.stderr


def test_another_name_for_the_maximum_age() -> None:
    assert load_settings({"WEBSOCKET_CONNECTION_TIMEOUT": "360"}, profile="fast").websocket_max_age == 360
    with pytest.raises(
        BadSetting,
        match=r"^bad setting WEBSOCKET_CONNECTION_TIMEOUT: found '360'; allowed: only WEBSOCKET_MAX_AGE; "
        r"remedy: remove it$",
    ):
        load_settings({"WEBSOCKET_CONNECTION_TIMEOUT": "360", "WEBSOCKET_MAX_AGE": "1"}, profile="fast")


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_the_readme_has_the_profiles_values(field: str) -> None:
    lines = (REFERENCE / "README.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{field.upper()}` |")]
    values = [cell.strip() for cell in line.split("|")[2:-1]]
    for profile, value in zip(("fast", "staging", "production", "development"), values, strict=True):
        environment = {field.upper(): value}
        assert getattr(load_settings(environment, profile=profile), field) == getattr(
            load_settings({}, profile=profile), field
        )


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(BadSetting) as refused:
        load_settings({"PROFILE": "fast", "LISTEN_BACKLOG": "0", "BROADCAST_INTERVAL": "0"})
    assert len(str(refused.value).splitlines()) == 2


def test_profiles_add_nothing_unknown() -> None:
    assert set(COMMON) < set(Settings.model_fields)
