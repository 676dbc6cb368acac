"""The air-gapped set-up's scripts, as far as they can be judged without installing or starting anything.

Functions are called by sourcing engine.sh, with stand-ins for the tools they run put first on the path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import chaos.runtime

AIRGAP = Path(chaos.runtime.__file__).parent / "airgap"
ENGINE = AIRGAP / "engine.sh"
NOBODY = 65534

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here: install it")

Tool = Callable[[str, str], None]


@pytest.fixture
def home() -> Iterator[Path]:
    """A state directory that does not exist yet; pytest's own would be too long for the sockets below it."""
    with TemporaryDirectory() as directory:
        yield Path(directory) / "home"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a stand-in for a program first on the path."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")

    def add(name: str, script: str) -> None:
        (directory / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (directory / name).chmod(0o755)

    return add


def run(*command: str, home: object, user: int | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs bash with the settings given and none of the caller's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CHAOS_", "DOCKER_"))}
    return subprocess.run(
        ["bash", *command],
        env=inherited | {"CHAOS_ENGINE_HOME": str(home)} | settings,
        user=user,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )


def engine(*arguments: str, home: object, user: int | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(str(ENGINE), *arguments, home=home, user=user, **settings)


def shell(script: str, *, home: object = "/nowhere") -> str:
    """What a script prints that has sourced engine.sh; its failure is the test's."""
    done = run("-c", f'. "{ENGINE}"\n{script}', home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [(), ("start",), ("up", "now"), ("down", "--all"), ("status", "x"), ("build", "d")]
)
def test_wrong_usage_prints_the_commands(arguments: tuple[str, ...], home: Path) -> None:
    done = engine(*arguments, home=home)
    assert done.returncode == 2
    assert [line.split()[1] for line in done.stderr.splitlines() if line.startswith("engine.sh")] == [
        "up",
        "status",
        "down",
        "build",
    ]
    assert not home.exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("state", "CHAOS_ENGINE_HOME is 'state'; it must begin with /"),
        ("/a b", "CHAOS_ENGINE_HOME is '/a b'; letters, digits and /._- are allowed"),
        ("/", "CHAOS_ENGINE_HOME is '/'; it must be a directory of its own"),
        ("/var/../etc", "CHAOS_ENGINE_HOME is '/var/../etc'; it must be a directory of its own"),
        ("/" + "x" * 60, "CHAOS_ENGINE_HOME is 61 characters long; the sockets below it leave room for 60"),
    ],
)
@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_state_directory_that_cannot_be_one_is_refused(command: str, setting: str, message: str) -> None:
    done = engine(command, home=setting)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"engine: {command}: {message}\n")


@pytest.mark.parametrize(
    ("pool", "guard", "message"),
    [
        ("172.28.0.0", "none", "CHAOS_ENGINE_POOL is '172.28.0.0'; a block like 172.28.0.0/14 is allowed, /8 to /24"),
        ("10.0.0.0/25", "none", "CHAOS_ENGINE_POOL is '10.0.0.0/25'; a block like 172.28.0.0/14 is allowed, /8 to /24"),
        (
            "172.28.0.0/14",
            "off",
            "CHAOS_ENGINE_GUARD is 'off'; a block like 172.16.0.0/12 is allowed, /8 to /24, or none",
        ),
    ],
)
def test_a_block_that_is_none_is_refused(pool: str, guard: str, message: str, home: Path) -> None:
    done = engine("up", home=home, CHAOS_ENGINE_POOL=pool, CHAOS_ENGINE_GUARD=guard)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"engine: up: {message}\n")


def test_up_needs_root(home: Path) -> None:
    user = NOBODY if os.geteuid() == 0 else None
    if user is not None and subprocess.run(["test", "-r", str(ENGINE)], user=user).returncode:
        pytest.skip("the user nobody may not read this checkout: make it readable")
    done = engine("up", home=home, user=user)
    assert done.returncode == 4
    assert re.fullmatch(
        r"engine: up: run as user \S+; this installs packages, starts dockerd and adds a route\n"
        r"engine: remedy: run it as root, or use an engine that is there already \(DOCKER_HOST\)\n",
        done.stderr,
    )


def test_status_and_down_leave_a_machine_without_an_engine_as_it_is(home: Path) -> None:
    status = engine("status", home=home)
    assert status.returncode == 3
    assert status.stdout.splitlines() == [
        f"env        {home}/env is not there: engine.sh up has not been run, or did not end",
        f"engine     none answers at unix://{home}/run/docker.sock",
    ]
    down = engine("down", "--purge", home=home)
    assert (down.returncode, down.stdout) == (0, f"engine: nothing to end: {home} is not there\n")
    assert not home.exists()


@pytest.mark.parametrize("missing", ["", "env", "chaos/python:3.11", "chaos/toxiproxy:2.12.0", "toxiproxy-server"])
def test_status_is_0_only_when_all_is_there(missing: str, home: Path, tool: Tool) -> None:
    (home / "tmp").mkdir(parents=True)
    (home / "bin").mkdir()
    tool("docker", f'[[ ${{@: -1}} != "{missing}" ]] && echo 20.10')
    if missing != "toxiproxy-server":
        (home / "bin" / "toxiproxy-server").touch(mode=0o755)
    if missing != "env":
        shell("DOCKER_HOST=$OWN_HOST; write_env", home=home)
    assert engine("status", home=home).returncode == (3 if missing else 0)


def test_a_directory_of_somebody_else_is_never_taken(home: Path) -> None:
    home.mkdir()
    (home / "precious").touch()
    done = run("-c", f'. "{ENGINE}"; STEP=up; open_state', home=home)
    assert done.returncode == 2
    assert done.stderr == (
        f"engine: up: {home} is not empty and was not made by this script\n"
        "engine: remedy: name another directory in CHAOS_ENGINE_HOME\n"
    )
    assert [entry.name for entry in home.iterdir()] == ["precious"]


def test_the_env_file_reads_alike_in_a_shell_and_line_by_line(home: Path) -> None:
    (home / "tmp").mkdir(parents=True)
    shell("DOCKER_HOST=$OWN_HOST; write_env", home=home)
    lines = [line for line in (home / "env").read_text().splitlines() if not line.startswith("#")]
    by_line = dict(line.split("=", 1) for line in lines)
    assert by_line == {
        "DOCKER_HOST": f"unix://{home}/run/docker.sock",
        "CHAOS_ENGINE_HOME": str(home),
        "CHAOS_PYTHON_IMAGE": "chaos/python:3.11",
        "CHAOS_TOXIPROXY_IMAGE": "chaos/toxiproxy:2.12.0",
        "CHAOS_TOXIPROXY_SERVER": f"{home}/bin/toxiproxy-server",
        "TESTCONTAINERS_RYUK_DISABLED": "true",
    }
    sourced = subprocess.run(
        ["env", "-i", "sh", "-ac", f". {home}/env; env"], capture_output=True, text=True, check=True
    ).stdout
    assert dict(line.split("=", 1) for line in sourced.splitlines()).items() >= by_line.items()


def test_the_header_documents_every_line_of_the_env_file(home: Path) -> None:
    (home / "tmp").mkdir(parents=True)
    shell("DOCKER_HOST=$OWN_HOST; write_env", home=home)
    keys = re.findall(r"^(\w+)=", (home / "env").read_text(), re.MULTILINE)
    header = ENGINE.read_text().split("line by line")[0]
    assert [key for key in keys if f"\n#   {key}  " not in header] == []


@pytest.mark.parametrize(
    ("address", "block", "inside"),
    [
        ("172.16.0.1", "172.16.0.0/12", True),
        ("172.31.255.254/24", "172.16.0.0/12", True),
        ("172.32.0.1", "172.16.0.0/12", False),
        ("172.15.255.255", "172.16.0.0/12", False),
        ("172.28.3.0/24", "172.28.0.0/14", True),
        ("192.168.0.1", "172.28.0.0/14", False),
    ],
)
def test_within(address: str, block: str, inside: bool) -> None:
    assert shell(f"if within {address} {block}; then echo yes; fi") == ("yes\n" if inside else "")


def test_what_the_machine_uses_itself_is_seen_and_bridges_are_not(tool: Tool) -> None:
    tool(
        "ip",
        "cat <<'ROUTES'\n"
        "default via 172.20.0.1 dev eth0\n"
        "unreachable 172.16.0.0/12\n"
        "172.20.0.0/20 dev eth0 proto kernel scope link src 172.20.3.4\n"
        "172.28.0.0/24 dev docker0 proto kernel scope link src 172.28.0.1\n"
        "172.28.1.0/24 dev br-0123456789ab proto kernel scope link src 172.28.1.1\n"
        "10.0.0.0/8 dev eth1 scope link\n"
        "ROUTES",
    )
    assert shell("others_in 172.16.0.0/12").split() == ["172.20.0.0/20", "172.20.0.1", "172.20.3.4"]


def test_only_what_dockerd_added_to_the_packet_rules_is_removed(home: Path, tool: Tool, tmp_path: Path) -> None:
    before = home / "run" / "before"
    before.mkdir(parents=True)
    (before / "iptables-filter").write_text(
        "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A FORWARD -o br-000000000000 -j DROP\n"
    )
    calls = tmp_path / "calls"
    tool(
        "iptables",
        f"""[[ $* == *-S ]] || {{ echo "${{@:4}}" >>{calls}; exit; }}
cat <<'RULES'
-P INPUT ACCEPT
-P FORWARD DROP
-N DOCKER
-N DOCKER-USER
-N ours
-A INPUT -i lo -j ACCEPT
-A INPUT -s 172.27.0.0/24 -j ACCEPT
-A FORWARD -o br-000000000000 -j DROP
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -s 172.28.4.0/24 ! -o br-aaaaaaaaaaaa -j ACCEPT
-A FORWARD -s 172.28.5.2/32 -j MASQUERADE
-A DOCKER-USER -j RETURN
RULES""",
    )
    shell("remove_rules iptables filter", home=home)
    assert calls.read_text().splitlines() == [
        "-P FORWARD ACCEPT",
        "-D FORWARD -j DOCKER-USER",
        "-D FORWARD -o docker0 -j DOCKER",
        "-D FORWARD -s 172.28.4.0/24 ! -o br-aaaaaaaaaaaa -j ACCEPT",
        "-D FORWARD -s 172.28.5.2/32 -j MASQUERADE",
        "-F DOCKER",
        "-F DOCKER-USER",
        "-X DOCKER",
        "-X DOCKER-USER",
    ]


@pytest.mark.parametrize(
    ("version", "will_do"),
    [("go1.19.8", False), ("go1.20.14", False), ("go1.21", True), ("go1.23.5", True), ("go1.100", True), ("", False)],
)
def test_a_go_that_is_too_old_is_passed_over(version: str, will_do: bool, tool: Tool, tmp_path: Path) -> None:
    tool("go", f"echo {version}")
    ours = str(tmp_path / "bin" / "go")
    assert (shell("find_go") == ours) is will_do


def test_processes_are_told_by_their_own_arguments(tmp_path: Path) -> None:
    mine = f"--pidfile={tmp_path}/run/docker.pid"
    script = "import time; time.sleep(60)"
    with (
        subprocess.Popen(["python3", "-c", script, mine]) as ours,
        subprocess.Popen(["python3", "-c", script, f"--pidfile=/x{tmp_path}/run/docker.pid"]) as other,
    ):
        try:
            wait_for_arguments(ours.pid, mine)
            assert shell("daemon_pid", home=tmp_path) == str(ours.pid)
            shell(f"end_processes TERM 10 {ours.pid}")
            assert ours.wait(10) == -15
            assert shell("daemon_pid", home=tmp_path) == ""
            assert other.poll() is None
        finally:
            ours.kill()
            other.kill()


def wait_for_arguments(pid: int, argument: str) -> None:
    """Popen returns when the child has been made, which may be before it runs its program."""
    deadline = time.monotonic() + 10
    while argument not in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
        assert time.monotonic() < deadline
        time.sleep(0.01)  # finer than any start of a program


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="shellcheck is not installed: apt-get install shellcheck"
)
def test_shellcheck_has_nothing_to_say() -> None:
    scripts = sorted(str(script.relative_to(AIRGAP)) for script in AIRGAP.rglob("*.sh"))
    done = subprocess.run(["shellcheck", "-x", *scripts], cwd=AIRGAP, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, "")
