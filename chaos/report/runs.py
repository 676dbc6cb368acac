"""Run directories: where a run keeps its header and the journals of its cells.

.chaos/
|-- latest -> runs/20250131-142501-9f3a1c      the newest run that has a cell and is no replay
`-- runs/20250131-142501-9f3a1c/
    |-- run.json                               the header, see RunHeader
    |-- report.html                            written at the end, or by `python -m chaos report`
    |-- detection.json                         likewise: how long dead peers were held, where any died
    |-- kept.json                              likewise: what is kept of ended connections, where that was measured
    `-- cells/liveness-dead_peer-reset/        one directory a cell
        |-- cell.json                          which test it belongs to
        `-- conductor-4711.ndjson              a journal segment for each process that wrote
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from chaos.errors import ConfigurationError, JournalError
from chaos.report.slugs import claim_directory, slug_of

__all__ = ["CellTitle", "Run", "RunHeader", "create_run", "find_state", "list_runs", "open_run"]

STATE = ".chaos"
LATEST = "latest"
MOST_NAMES = 8
"""Names that an error message lists where none is near."""
_HEADER = "run.json"
_CELL = "cell.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What a run was: enough to read its figures, and to do it again."""

    id: str
    """`YYYYmmdd-HHMMSS-` (local time) and six hexadecimal digits."""
    target: str
    """The target's name."""
    target_file: str
    """The target file, relative to the directory that holds the state directory."""
    runtime: str
    """The runtime that was taken: "containers", "processes" or "attached"."""
    runtime_reason: str
    """Why that one."""
    seed: int
    started: float
    """Seconds since the epoch."""
    launched: float | None = None
    """When the process that ran it began, seconds since the epoch: before its imports and its collection."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Name to version of what took part: "python", "websockets", "toxiproxy", "kernel"."""
    argv: tuple[str, ...] = ()
    """The arguments pytest was called with, for the reader."""
    options: tuple[str, ...] = ()
    """Options beyond target, runtime and seed that a replay must repeat, such as `--chaos-allow-host=NAME`."""
    declares: tuple[str, ...] | None = None
    """The families of promises of which the target declares something; None where an earlier release ran it."""
    replay_of: str = ""
    """The run of which it repeated cells; empty for a run of its own."""
    ended: float | None = None
    """Seconds since the epoch; None while it runs, and for ever when it was killed."""
    exit_code: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, or None where it has not ended (or was killed)."""
        return None if self.ended is None else self.ended - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTitle:
    """What a cell is about, as its scenario's marks say; known before anything is done."""

    promise: str
    scenario: str
    fault: str = ""
    expects: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory and its header."""

    directory: Path
    header: RunHeader

    @property
    def id(self) -> str:
        return self.header.id

    @property
    def state(self) -> Path:
        """The state directory the run lies in."""
        return self.directory.parent.parent

    @property
    def html(self) -> Path:
        """Where its HTML report is written."""
        return self.directory / "report.html"

    def new_cell(self, node: str, title: CellTitle | None = None, *, module: str | None = None) -> Path:
        """Create the directory of one cell, for the journals of test `node`; its name is the cell's slug.

        `module` is the importable name of a scenario that lies outside of the project, in an installed package: there
        its node id leads nowhere.
        """
        cells = self.directory / "cells"
        first = not cells.exists()
        directory = claim_directory(cells, slug_of(node))
        about: dict[str, object] = {} if title is None else {"title": dataclasses.asdict(title)}
        if module is not None:
            about["module"] = module
        _write_json(directory / _CELL, {"node": node, "began": time.time(), **about})
        if first and not self.header.replay_of:
            _point_latest(self)
        return directory

    def cells(self) -> list[Path]:
        """The directories of all cells, in the order in which they began."""
        found = (path for path in (self.directory / "cells").glob("*") if path.is_dir())
        return sorted(found, key=lambda path: (_cell_record(path).get("began", 0.0), path.name))

    def cell(self, name: str) -> Path:
        """The directory of the cell with this slug or node id. Raises ConfigurationError that names the nearest."""
        named = self.directory / "cells" / name
        if named.name == name and (named / _CELL).is_file():  # the usual case, which need not read every other cell
            return named
        cells = self.cells()
        for path in cells:
            if name in (path.name, _cell_record(path).get("node")):
                return path
        names = [path.name for path in cells]
        raise ConfigurationError(f"run {self.id} has no cell {name!r}; {_nearest(name, names, what='its cells')}")

    def node(self, name: str) -> str:
        """The pytest node id of a cell. Raises ConfigurationError where the cell did not say."""
        directory = self.cell(name)
        node = _cell_record(directory).get("node")
        if not isinstance(node, str):
            raise ConfigurationError(f"cell {directory.name} of run {self.id} does not say which test it was")
        return node

    def selection(self, name: str) -> list[str]:
        """What pytest is told to run a cell again. Raises ConfigurationError where the cell did not say."""
        node = self.node(name)
        module = _cell_record(self.cell(name)).get("module")
        return [node] if module is None else ["--pyargs", "::".join((module, *node.split("::")[1:]))]

    def title(self, name: str) -> CellTitle | None:
        """What a cell is about; None where it did not say. Raises ConfigurationError where there is no such cell."""
        record = _cell_record(self.cell(name)).get("title")
        try:
            return CellTitle(**record) if isinstance(record, dict) else None
        except TypeError:  # of another release
            return None

    def finish(self, *, exit_code: int) -> Run:
        """Note in the header that the run ended; gives the run with its new header."""
        header = dataclasses.replace(self.header, ended=time.time(), exit_code=exit_code)
        _write_json(self.directory / _HEADER, dataclasses.asdict(header))
        return Run(self.directory, header)


def create_run(
    state: Path,
    *,
    target: str,
    target_file: str,
    runtime: str,
    runtime_reason: str,
    seed: int,
    versions: Mapping[str, str],
    argv: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    launched: float | None = None,
    declares: tuple[str, ...] | None = None,
    replay_of: str = "",
) -> Run:
    """Make the directory of a new run beneath `state`; `latest` points at it once it has a cell, if it is no replay.

    Two runs may start at once: ids are made under a lock. Raises JournalError where the directory cannot be written.
    """
    try:
        with _locked(state):
            started = time.time()
            stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(started))
            directory = claim_directory(state / "runs", f"{stamp}-{secrets.token_hex(3)}")
            header = RunHeader(
                id=directory.name,
                target=target,
                target_file=target_file,
                runtime=runtime,
                runtime_reason=runtime_reason,
                seed=seed,
                started=started,
                launched=launched,
                versions=dict(versions),
                argv=argv,
                options=options,
                declares=declares,
                replay_of=replay_of,
            )
            _write_json(directory / _HEADER, dataclasses.asdict(header))
    except OSError as error:
        raise JournalError(
            f"cannot make a run directory in {state}: {error.strerror}; --chaos-dir names another place"
        ) from error
    return Run(directory, header)


def open_run(state: Path, name: str = LATEST) -> Run:
    """The run called `name`: `latest`, an id, or the beginning of one. Raises ConfigurationError, JournalError.

    `latest` is the newest that has cells and is no replay, where there is one: a replay has the cells it was told to
    repeat and no others, and whoever says `latest` after it means what it repeated.
    """
    ids = sorted(path.parent.name for path in (state / "runs").glob(f"*/{_HEADER}"))
    if not ids:
        raise ConfigurationError(f"no run has been recorded in {state}; `pytest -m chaos` makes one")
    if name == LATEST:
        newest = (state / LATEST).resolve().name  # of a link that points nowhere, for instance after a clean-up: itself
        if newest in ids and (one := _read(state / "runs" / newest)).cells():
            return one
        runs = list_runs(state)
        with_cells = [each for each in runs if each.cells()]
        return next((each for each in reversed(with_cells) if not each.header.replay_of), (with_cells or runs)[-1])
    matches = [name] if name in ids else [candidate for candidate in ids if name and candidate.startswith(name)]
    if len(matches) > 1:
        raise ConfigurationError(
            f"{name!r} begins the names of {len(matches)} runs: {', '.join(matches[-MOST_NAMES:])}"
        )
    if not matches:
        raise ConfigurationError(f"no run {name!r}; {_nearest(name, ids, what='the newest runs')}")
    return _read(state / "runs" / matches[0])


def list_runs(state: Path) -> list[Run]:
    """Every run, oldest first. Raises JournalError for a broken header."""
    runs = [_read(path.parent) for path in (state / "runs").glob(f"*/{_HEADER}")]
    return sorted(runs, key=lambda run: (run.header.started, run.id))


def find_state(start: Path) -> Path:
    """The state directory of the project that `start` lies in: the nearest one upwards, or `start/.chaos`."""
    for directory in (start, *start.parents):
        if (directory / STATE).is_dir():
            return directory / STATE
    return start / STATE


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    ignored = state / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")  # a run is a megabyte that belongs into nobody's repository
    handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _point_latest(run: Run) -> None:
    """Point at a run that has a cell, unless a later one has: a plan, or a server that did not start, is not what
    anybody wants to look at again.

    In one step: whoever reads `latest` sees the old run or the new one, never none.
    """
    state = run.directory.parents[1]
    with _locked(state):
        now = state / LATEST
        if (now / _HEADER).is_file() and _started(now) > run.header.started:
            return
        link = state / f".{LATEST}-{run.id}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("runs") / run.id, target_is_directory=True)
        link.replace(now)


def _started(directory: Path) -> float:
    return _read(directory).header.started


def _write_json(path: Path, record: Mapping[str, object]) -> None:
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    # A command line may have bytes that nobody can decode; as JSON writes what stands for them they are read again.
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    beside.write_text(text, encoding="utf-8", errors="backslashreplace")
    beside.replace(path)


def _read(directory: Path) -> Run:
    path = directory / _HEADER
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in dataclasses.fields(RunHeader)}
        values = {key: value for key, value in record.items() if key in known}
        for key in ("argv", "options"):
            values[key] = tuple(values.get(key, ()))
        if values.get("declares") is not None:
            values["declares"] = tuple(values["declares"])
        return Run(directory.resolve(), RunHeader(**values))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise JournalError(f"{directory.name}/{_HEADER} is not the header of a run: {error}") from error


def _cell_record(directory: Path) -> dict[str, Any]:
    try:
        record = json.loads((directory / _CELL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _nearest(name: str, candidates: list[str], *, what: str) -> str:
    close = get_close_matches(name, candidates, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(candidates[-MOST_NAMES:])
    more = len(candidates) - MOST_NAMES
    return f"{what} are {shown}" + (f" and {more} more" if more > 0 else "") if candidates else f"{what}: none"
