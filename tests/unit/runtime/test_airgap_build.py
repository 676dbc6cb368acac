"""`engine.sh build`: what it asks of the engine, told by a stand-in for the docker client that records its calls."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import chaos.runtime

ENGINE = Path(chaos.runtime.__file__).parent / "airgap" / "engine.sh"

DOCKERFILE = "ARG BASE_IMAGE=python:3.11-slim\nFROM ${BASE_IMAGE}\nRUN pip install -r requirements.txt\n"

# Images are files in $FAKE/images that hold their label; $FAKE/broken names a command that fails.
CLIENT = r"""
shopt -s extglob
slug() { printf '%s' "$FAKE/images/${1//[^a-z0-9.]/_}"; }
printf '%s\n' "BUILDKIT=${DOCKER_BUILDKIT:-} $*" >>"$FAKE/calls"
[[ ! -e $FAKE/broken || $(<"$FAKE/broken") != "$1" ]] || { echo "$1 is broken"; exit 1; }
case $1 in
    version) echo 20.10 ;;
    image)
        [[ $2 == inspect ]] || exit 0
        [[ -e $(slug "$5") ]] || exit 1
        if [[ $4 == '{{.Id}}' ]]; then echo "id-of-$5"; else cat "$(slug "$5")"; fi
        ;;
    run) for word; do [[ $word != *:/wheels ]] || touch "${word%:/wheels}/thing.whl"; done ;;
    build)
        label=
        while (($# > 1)); do
            [[ $1 != --label ]] || label=${2#*=}
            [[ $1 != --tag ]] || tag=$2
            shift
        done
        printf '%s' "$label" >"$(slug "$tag")"
        ;;
esac
"""


class Machine:
    """A target's directory, a state directory, and an engine that only remembers."""

    def __init__(self, directory: Path) -> None:
        self.target = directory / "target"
        self.home = directory / "home"
        self.fake = directory / "fake"
        self.bin = directory / "bin"
        self.temporary = directory / "tmp"
        for each in (self.target, self.home, self.fake / "images", self.bin, self.temporary):
            each.mkdir(parents=True)
        self.have("chaos/python:3.11")
        (self.bin / "docker").write_text(f"#!/usr/bin/env bash\n{CLIENT}")
        (self.bin / "docker").chmod(0o755)
        (self.target / "Dockerfile").write_text(DOCKERFILE)
        (self.target / "requirements.txt").write_text("thing==1\n")

    def have(self, image: str) -> None:
        (self.fake / "images" / re.sub(r"[^a-z0-9.]", "_", image)).touch()

    def build(self, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        (self.fake / "calls").write_text("")
        environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "FAKE": str(self.fake),
            "CHAOS_ENGINE_HOME": str(self.home),
            "DOCKER_HOST": "unix:///fake",
        }
        return subprocess.run(
            ["bash", str(ENGINE), "build", str(self.target), "it:1", *options],
            env=environment | settings,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self, command: str) -> list[str]:
        calls = (self.fake / "calls").read_text().splitlines()
        return [call for call in calls if call.split()[1] == command]

    def wheels(self) -> list[Path]:
        return sorted((self.home / "cache" / "wheels").iterdir())


@pytest.fixture
def machine() -> Iterator[Machine]:
    with TemporaryDirectory() as directory:
        yield Machine(Path(directory))


def test_wheels_are_fetched_first_and_the_build_has_no_network(machine: Machine) -> None:
    done = machine.build("--build-arg", "A=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"build +made it:1 +\d+\.\d s\n", done.stdout)
    [wheels] = machine.wheels()
    [fetch] = machine.calls("run")
    assert "--network host" in fetch
    assert fetch.endswith(
        "chaos/python:3.11 pip wheel --no-cache-dir --wheel-dir /wheels --requirement /requirements/requirements.txt"
    )
    base, target = machine.calls("build")
    assert base == f"BUILDKIT=0 build --rm --force-rm --tag chaos/wheels:{wheels.name} --file - {wheels}"
    assert re.fullmatch(
        rf"BUILDKIT=0 build --rm --force-rm --network none --label chaos\.build=[0-9a-f]{{16}} "
        rf"--build-arg BASE_IMAGE=chaos/wheels:{wheels.name} --build-arg A=1 "
        rf"--tag it:1 --file {machine.target}/Dockerfile {machine.target}",
        target,
    )
    assert list(machine.temporary.iterdir()) == []


def test_an_unchanged_target_is_not_built_again(machine: Machine) -> None:
    machine.build()
    (machine.target / "__pycache__").mkdir()
    (machine.target / "__pycache__" / "main.pyc").touch()
    done = machine.build()
    assert re.fullmatch(r"build +it:1 already there +\d+\.\d s\n", done.stdout)
    assert machine.calls("build") + machine.calls("run") == []


@pytest.mark.parametrize("changed", ["main.py", "Dockerfile", "requirements.txt"])
def test_a_changed_file_is_built(changed: str, machine: Machine) -> None:
    machine.build()
    with (machine.target / changed).open("a") as file:
        file.write("# changed\n")
    assert machine.build().returncode == 0
    assert len([call for call in machine.calls("build") if "--tag it:1" in call]) == 1
    assert len(machine.calls("run")) == (1 if changed == "requirements.txt" else 0)


def test_a_dockerfile_from_elsewhere_is_used_and_counts(machine: Machine) -> None:
    elsewhere = machine.home / "Other"
    elsewhere.write_text(DOCKERFILE)
    machine.build("--file", str(elsewhere))
    assert machine.build("--file", str(elsewhere)).returncode == 0
    assert machine.calls("build") == []
    elsewhere.write_text(f"{DOCKERFILE}USER nobody\n")
    assert machine.build("--file", str(elsewhere)).returncode == 0
    [build] = machine.calls("build")
    assert f"--tag it:1 --file {elsewhere} {machine.target}" in build


def test_a_changed_argument_is_built(machine: Machine) -> None:
    machine.build("--build-arg", "A=1")
    machine.build("--build-arg", "A=2")
    assert [call for call in machine.calls("build") if "--build-arg A=2" in call] != []


def test_a_target_without_requirements_gets_the_base_image_itself(machine: Machine) -> None:
    (machine.target / "requirements.txt").unlink()
    assert machine.build().returncode == 0
    assert machine.calls("run") == []
    [build] = machine.calls("build")
    assert "--build-arg BASE_IMAGE=chaos/python:3.11 " in build


def test_an_extra_requirement_is_fetched_too(machine: Machine) -> None:
    assert machine.build("--extra", "hatchling>=1").returncode == 0
    [fetch] = machine.calls("run")
    assert "--wheel-dir /wheels hatchling>=1 --requirement /requirements/requirements.txt" in fetch


def test_pip_gets_the_machines_settings_and_no_value_stands_in_an_argument(machine: Machine) -> None:
    links = machine.home / "links"
    links.mkdir()
    machine.build(
        PIP_FIND_LINKS=str(links), PIP_INDEX_URL="https://user:secret@index.invalid", HTTPS_PROXY="p:1", X="1"
    )
    [fetch] = machine.calls("run")
    assert f"--env PIP_FIND_LINKS --volume {links}:{links}:ro " in fetch
    assert "--env PIP_INDEX_URL " in fetch
    assert "--env HTTPS_PROXY " in fetch
    assert "--env X " not in fetch
    assert "secret" not in fetch


@pytest.mark.parametrize(
    "dockerfile",
    [
        DOCKERFILE,
        "ARG BASE_IMAGE\nfrom $BASE_IMAGE as one\nFROM one\n",
        "ARG BASE_IMAGE\nFROM --platform=linux/amd64 ${BASE_IMAGE} AS one\nFROM scratch\nCOPY --from=one /a /a\n",
        "FROM chaos/python:3.11\n",
    ],
)
def test_bases_that_need_no_registry(dockerfile: str, machine: Machine) -> None:
    (machine.target / "Dockerfile").write_text(dockerfile)
    assert machine.build().returncode == 0


@pytest.mark.parametrize("image", ["python:3.11-slim", "one"])
def test_a_base_that_would_be_pulled_is_refused_before_anything_is_done(image: str, machine: Machine) -> None:
    (machine.target / "Dockerfile").write_text(f"FROM {image}\nFROM scratch AS one\n")
    done = machine.build()
    assert done.returncode == 2
    assert done.stderr == (
        f"engine: build: {machine.target}/Dockerfile: FROM {image} cannot be pulled here\n"
        "engine: remedy: write `ARG BASE_IMAGE=python:3.11-slim`, `FROM ${BASE_IMAGE}`: "
        "that works with a registry and without\n"
    )
    assert machine.calls("run") + machine.calls("build") == []


@pytest.mark.parametrize(
    ("broken", "code", "found"),
    [
        ("version", 3, "no engine answers at unix:///fake"),
        ("run", 1, "pip could not fetch wheels for TARGET/requirements.txt"),
        ("build", 1, "the base image with the wheels (chaos/wheels:"),
    ],
)
def test_a_failure_tells_what_and_leaves_nothing(broken: str, code: int, found: str, machine: Machine) -> None:
    (machine.fake / "broken").write_text(broken)
    done = machine.build()
    assert (done.returncode, done.stdout) == (code, "")
    assert f"engine: build: {found.replace('TARGET', str(machine.target))}" in done.stderr
    if broken != "version":
        assert f"--- last lines of the build\n{broken} is broken\n---\n" in done.stderr
    if broken == "run":
        assert machine.wheels() == []
    assert list(machine.temporary.iterdir()) == []


def test_without_a_base_image_it_says_what_to_run(machine: Machine) -> None:
    (machine.fake / "images" / "chaos_python_3.11").unlink()
    done = machine.build()
    assert done.returncode == 3
    assert done.stderr == "engine: build: image chaos/python:3.11 is missing\nengine: remedy: run engine.sh up\n"
