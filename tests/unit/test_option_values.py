"""Whatever is given as an option, an ini setting or a variable, it is taken or refused in a sentence that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.errors import EngineUnavailable, ToolMissing
from chaos.runtime.engine import _candidates as candidates
from chaos.runtime.engine import find_engine
from chaos.runtime.helpers import find_toxiproxy
from fixtures.options import INI_TEXTS, TEXTS, ChaosOptions, add_options, read_options

TEXT = st.text(max_size=20)
"""With what stands for bytes that are no UTF-8, as a command line may have them."""
NUMBERS = st.one_of(
    st.integers().map(str), st.floats().map(str), st.sampled_from(["", "0", "-1", "1e3", "٣", "²", "1_0", "9" * 5000])
)
TARGETS = st.one_of(TEXT, st.sampled_from(["x" * 5000, "a/" * 3000, "\0", "~", "..", "/"]))
VARIABLES = st.one_of(TEXT, st.builds("{}={}".format, TEXT, TEXT), st.sampled_from(["A=\0", "=", "A", "É=1", "A=="]))
HOSTS = st.one_of(TEXT, st.sampled_from(["", "*", "10.0.0.1", "a b", "http://a"]))

OPTIONS: dict[str, st.SearchStrategy[str]] = {
    "target": TARGETS,
    "runtime": st.one_of(TEXT, st.sampled_from(["auto", "containers", "processes", "attached", "Auto"])),
    "proxy": st.one_of(TEXT, st.sampled_from(["embedded", "toxiproxy"])),
    "dry": st.one_of(TEXT, st.sampled_from(["plan", "no-faults", "no"])),
    "seed": NUMBERS,
    "require": NUMBERS,
    "lanes": NUMBERS,
    "soak": st.one_of(TEXT, st.sampled_from(["8h", "10m", "1s", "9999999999h", "-1h", "1e3s", "٣h"])),
    "dir": TARGETS,
    "summary": TARGETS,
    "replay-of": TARGETS,
    "env": VARIABLES,
    "allow-host": HOSTS,
    "image": TEXT,
    "python-image": TEXT,
    "toxiproxy-image": TEXT,
}
INI = {
    name: OPTIONS[name.replace("_", "-")] for name in ("target", "runtime", "lanes", "python_image", "toxiproxy_image")
}
INI["proven"] = TARGETS


class Line:
    """As much of a pytest.Config as the options read: a command line and an ini file."""

    def __init__(self, arguments: list[str], ini: Mapping[str, str]) -> None:
        parser = pytest.Parser(_ispytest=True)
        add_options(parser)
        self._options = parser.parse(arguments)
        self._ini = ini
        self.rootpath = Path(__file__).parents[2]
        self.invocation_params = self

    @property
    def dir(self) -> Path:
        """Where pytest was called."""
        return self.rootpath

    def getoption(self, name: str) -> object:
        return getattr(self._options, name)

    def getini(self, name: str) -> str:
        return self._ini.get(name, "")


def read(arguments: list[str], **ini: str) -> ChaosOptions:
    return read_options(Line(arguments, ini))  # type: ignore[arg-type]  # as much of it as is read


def refusal(arguments: list[str], **ini: str) -> str | None:
    """The sentence of refusal, or None; any other exception is the find."""
    try:
        read(arguments, **ini)
    except pytest.UsageError as error:
        return str(error)
    return None


def test_every_option_and_setting_is_given_values() -> None:
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    flags = {"vouched"}
    names = {name for option in parser.getgroup("chaos").options for name in option.names()}
    assert {name.removeprefix("--chaos-") for name in names} == {*OPTIONS, *flags}
    assert {name.removeprefix("chaos_") for name in INI_TEXTS} == set(INI)
    assert {name.removeprefix("chaos_").replace("_", "-") for name in TEXTS} <= set(OPTIONS)


ANY = st.sampled_from(sorted(OPTIONS)).flatmap(lambda name: st.tuples(st.just(name), OPTIONS[name]))


@given(ANY)
@example(("lanes", "9" * 5000))
@example(("target", "x" * 5000))
def test_any_value_of_an_option(given_one: tuple[str, str]) -> None:
    name, value = given_one
    said = refusal([f"--chaos-{name}={value}"])
    assert said is None or f"chaos-{name}" in said or f"chaos_{name}" in said


@pytest.mark.parametrize("host", ["", " ", "*", "http://a", "a:80", "a/b", "a b"])
def test_what_is_no_host_is_not_allowed_traffic(host: str) -> None:
    assert refusal([f"--chaos-allow-host={host}"]) == (
        f"--chaos-allow-host takes the name or the address of a host, without scheme, port and path; found {host!r}"
    )


@pytest.mark.parametrize("host", ["staging", "ws.example.org", "10.0.0.1", "::1", "fe80::1%eth0", "2001:db8::2"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert read([f"--chaos-allow-host={host}"]).allowed_hosts == {host}


@given(name=st.sampled_from(sorted(INI)), data=st.data())
def test_any_value_of_an_ini_setting(name: str, data: st.DataObject) -> None:
    value = data.draw(INI[name])
    said = refusal([], **{f"chaos_{name}": value})
    assert said is None or f"chaos_{name}" in said or f"chaos-{name}" in said


@given(require=st.integers(), lanes=st.integers(), seed=st.integers())
def test_numbers_are_taken_or_out_of_range(require: int, lanes: int, seed: int) -> None:
    line = [f"--chaos-require={require}", f"--chaos-lanes={lanes}", f"--chaos-seed={seed}"]
    if not 1 <= lanes < 10**9 or require < 0:
        assert refusal(line) is not None
    else:
        options = read(line)
        assert (options.require, options.lanes, options.seed) == (require, lanes, seed)


PLACES = st.one_of(
    TEXT.filter(lambda text: "\0" not in text), st.sampled_from(["/", "/tmp", "x" * 5000, "/dev/null", "~", "\udcff"])
)


@given(st.dictionaries(st.sampled_from(["CHAOS_TOXIPROXY_SERVER", "CHAOS_ENGINE_HOME", "PATH"]), PLACES))
@example({"CHAOS_TOXIPROXY_SERVER": "/tmp"})
def test_any_place_of_the_proxy_is_a_program_or_named(environment: dict[str, str]) -> None:
    # Not the machine's own: whether one is installed here is not the question.
    environment = {"PATH": "/nowhere", "CHAOS_ENGINE_HOME": "/nowhere", **environment}
    try:
        program, said = find_toxiproxy(environment), ""
    except ToolMissing as missing:
        program, said = None, str(missing)
    named = environment.get("CHAOS_TOXIPROXY_SERVER")
    assert program is None or program.is_file()
    assert program or not named or f"CHAOS_TOXIPROXY_SERVER names {named!r}, which cannot be executed" in said


@given(st.dictionaries(st.sampled_from(["CHAOS_ENGINE_HOME", "HOME", "XDG_RUNTIME_DIR"]), PLACES))
@example({"CHAOS_ENGINE_HOME": "x" * 5000})
@example({"HOME": "x" * 5000})
def test_any_place_of_the_engine_is_asked_or_named(environment: dict[str, str]) -> None:
    environment = {"DOCKER_HOST": "unix:///nowhere/docker.sock", **environment}
    with pytest.raises(EngineUnavailable, match=r"/nowhere/docker\.sock"):
        find_engine(environment)
    # Which engines there would be without it: nobody is asked, the places are only looked at.
    for host, _ in candidates({name: value for name, value in environment.items() if name != "DOCKER_HOST"}, {}):
        assert "://" in host


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--chaos-require=-1", "--chaos-require takes a whole number from 0 up; found -1"),
        ("--chaos-lanes=0", "--chaos-lanes takes a whole number from 1 up; found '0'"),
        ("--chaos-lanes=٣", "--chaos-lanes takes a whole number from 1 up; found '٣'"),
        ("--chaos-env==1", "--chaos-env takes NAME=VALUE; found '=1'"),
        ("--chaos-env=A=\0", "--chaos-env has a NUL in it; found 'A=\\x00'"),
        ("--chaos-env=A=\udce9", "--chaos-env has bytes in it that are not UTF-8; found 'A=\\udce9'"),
        ("--chaos-target=", "--chaos-target is empty; leave it out, or say what it is"),
        ("--chaos-lanes=", "--chaos-lanes is empty; leave it out, or say what it is"),
        (
            "--chaos-summary=/nowhere/x.md",
            "--chaos-summary takes a file in a directory that is there; found '/nowhere/x.md'",
        ),
        ("--chaos-summary=/", "--chaos-summary takes a file in a directory that is there; found '/'"),
    ],
)
def test_the_words_of_a_refusal(line: str, said: str) -> None:
    assert refusal([line]) == said


@pytest.mark.parametrize("line", ["--chaos-summary=", "--chaos-replay-of="])
def test_what_may_be_empty(line: str) -> None:
    """A system's variable is not set at home, and an empty name of a run is none."""
    options = read([line])
    assert (options.summary, options.replay_of) == (None, "")


def test_an_ini_setting_with_a_byte_that_is_none_of_text() -> None:
    assert refusal([], chaos_proven="\udce9") == (
        "the ini setting chaos_proven has bytes in it that are not UTF-8; found '\\udce9'"
    )
