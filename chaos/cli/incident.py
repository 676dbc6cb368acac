"""`python -m chaos incident`: the variants of an incident, one after the other, and whether its fix is one."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from chaos.cli.options import encodable
from chaos.cli.surveying import EXIT_USAGE, Surveyed, add_ways, survey
from chaos.errors import ConfigurationError
from chaos.report.cells import CellOutcome
from chaos.report.incident import (
    IncidentVerdict,
    Ran,
    judge_fix,
    judge_incident,
    render_incident,
    render_tally,
    undecided,
)
from chaos.report.incident_file import AFTER, FILE, Incident, VariantName, load_incident
from chaos.report.terminal import signs_for
from chaos.units import counted, format_duration

__all__ = ["add_arguments", "run", "run_variants"]

PASSES_ON = True
"""What stands after `--` goes to pytest."""
FOLDERS = "targets/incidents"
"""Where a working copy has its incidents."""
SCENARIOS = "tests/scenarios"
"""Where a working copy has them. An incident names files in there: what pytest is configured to collect will not do."""

VOUCHED = "--chaos-vouched"
"""What the fixed server has shown: the exchange is as the target file says."""


REPEATS = 3
"""Runs that a cell gets beside its first, where the experiment was not sound: what is undecided is no red of the
server's, and on two cores with a load of 11 it was 2 of 94 cells."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("incidents", metavar="FOLDER", nargs="+", type=Path, help=f"a folder with an {FILE}")
    add_ways(parser, collected=f"{SCENARIOS} here, else the folder that an installed copy carries")
    parser.add_argument(
        "--times", type=_times, metavar="N", help="passes over all of them (1, or none where --after is given)"
    )
    parser.add_argument(
        "--after", type=_times, default=0, metavar="N", help="and so many passes of the fixed variants alone (none)"
    )
    parser.epilog = (
        "Ends with 0 where every incident was reproduced and is fixed in each pass, 1 where one was not,\n"
        "4 where a file is wrong or none can be had in the runtime, 130 after Ctrl-C, which also ends the run\n"
        "under way. Options after -- go to pytest.\n\n"
        f"{_there()}\n\n"
        "examples:\n"
        f"  python -m chaos incident {FOLDERS}/hub\n"
        f"  python -m chaos incident {FOLDERS}/hub --times 3 --after 2\n"
    )


def run(options: argparse.Namespace) -> int:
    try:
        incidents = [load_incident(folder) for folder in options.incidents]
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    collect = options.collect or _own_scenarios()
    if not collect:
        print(
            f"error: no scenarios: {SCENARIOS} is no folder here; start this at the root of a working copy, or name "
            "the folder with --collect",
            file=sys.stderr,
        )
        return EXIT_USAGE
    asked = [incident for incident in incidents if options.runtime not in incident.not_in]
    for incident in incidents:
        if incident not in asked:
            print(f"{incident.name}: not in {options.runtime}: {incident.not_in[options.runtime]}", flush=True)
    if not asked:
        print(f"error: nothing to run in {options.runtime}", file=sys.stderr)
        return EXIT_USAGE
    times = options.times if options.times is not None else int(not options.after)
    passes = times + options.after
    shown = {incident.name: _Shown() for incident in asked}
    sound = True
    for number in range(1, passes + 1):
        if passes > 1:
            print(f"pass {number} of {passes}", flush=True)
        if number <= times:
            verdicts = [_whole(incident, options, collect, shown[incident.name]) for incident in asked]
            sound = sound and all(verdict.sound for verdict in verdicts)
            if len(asked) > 1:
                print("\n".join(_table(asked, verdicts)), flush=True)
        else:
            missing = [_fixed(incident, options, collect, shown[incident.name]) for incident in asked]
            sound = sound and not any(missing)
    if passes > 1:
        for incident in asked:
            one = shown[incident.name]
            tally = render_tally(incident, one.whole, one.after, runtime=options.runtime)
            print(encodable("\n".join(["", *tally])), flush=True)
    return 0 if sound else 1


@dataclass(slots=True)
class _Shown:
    """What the passes of an incident have shown."""

    whole: list[dict[VariantName, Ran]] = field(default_factory=list)
    after: list[Ran] = field(default_factory=list)
    """Of the fixed variant alone."""


def _there() -> str:
    """The folders that may be named here; an installed copy has none."""
    folders = sorted(file.parent.name for file in Path(FOLDERS).glob(f"*/{FILE}"))
    if not folders:
        return f"There is no {FOLDERS} here; a working copy of the suite has it, and your own may lie anywhere."
    return textwrap.fill(
        f"Here, in {FOLDERS}: {', '.join(folders)}.", 100, break_on_hyphens=False, break_long_words=False
    )


def _times(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of passes, one or more; found {text!r}")
    return int(text)


def _own_scenarios() -> list[str]:
    """The folder of the working copy that this is started in, else the one that an installed copy carries, if any."""
    if Path(SCENARIOS).is_dir():
        return [SCENARIOS]
    try:
        installed = find_spec("chaos.scenarios")
    except ImportError:
        return []
    return [] if installed is None else [str(place) for place in installed.submodule_search_locations or ()]


def _whole(incident: Incident, options: argparse.Namespace, collect: Sequence[str], shown: _Shown) -> IncidentVerdict:
    """Every variant, and whether it was reproduced and is fixed."""
    ran = _run(incident, options, collect)
    shown.whole.append(ran)
    verdict = judge_incident(incident, ran, runtime=options.runtime)
    lines = render_incident(incident, ran, verdict, signs=signs_for(sys.stdout.encoding))
    print(encodable("\n".join(["", *lines, ""])), flush=True)
    return verdict


def _fixed(incident: Incident, options: argparse.Namespace, collect: Sequence[str], shown: _Shown) -> tuple[str, ...]:
    """The fixed variant alone, and what it has not shown of what it has to."""
    after = _run(incident, options, collect, only=AFTER)[AFTER]
    shown.after.append(after)
    missing = judge_fix(incident, after, runtime=options.runtime)
    said = [f"{incident.name}: {'not fixed' if missing else 'fixed'}", *(f"  {sentence}" for sentence in missing)]
    print(encodable("\n".join(said)), flush=True)
    return missing


def _run(
    incident: Incident, options: argparse.Namespace, collect: Sequence[str], *, only: VariantName | None = None
) -> dict[VariantName, Ran]:
    return run_variants(
        incident,
        runtime=options.runtime,
        state=options.state,
        collect=collect,
        only=only,
        passed_on=options.passed_on,
    )


def run_variants(
    incident: Incident,
    *,
    runtime: str,
    state: Path,
    collect: Sequence[str],
    only: VariantName | None = None,
    passed_on: Sequence[str] = (),
) -> dict[VariantName, Ran]:
    """What each variant has shown, or one of them, in the order in which they are shown.

    The fixed one runs first: where it converses as the target file says, the file is right, and what the others do not
    answer is theirs.
    """
    ran: dict[VariantName, Ran] = {}
    vouched: list[str] = []
    every = (AFTER, *(other for other in incident.targets if other != AFTER))
    for name in every if only is None else (only,):
        print(f"{incident.name}, {name} ...", flush=True)
        began = time.monotonic()
        run = partial(survey, incident.targets[name], runtime=runtime, state=state)
        options = ["-m", "chaos and not slow", *vouched, *passed_on]
        one = run(collect=_scenarios(incident.variants[name].scenarios, collect), passed_on=options)
        took = format_duration(round(time.monotonic() - began))
        print(f"{incident.name}, {name}: {_counts(one)}, {took}", flush=True)
        ran[name] = Ran(one.cells, one.exit_code)
        for _ in range(REPEATS):
            again = [cell.node for cell in undecided(incident, name, ran[name])]
            if again:
                cells = counted(len(again), "cell")
                print(f"{incident.name}, {name}: {cells} undecided, so once more and alone", flush=True)
                ran[name] = ran[name].with_(run(collect=again, passed_on=[*options, "--chaos-lanes=1"]).cells)
        if name == AFTER and one.count(CellOutcome.HELD):
            vouched = [VOUCHED]
    return {name: ran[name] for name in incident.targets if name in ran}


def _scenarios(chosen: Sequence[str] | None, collect: Sequence[str]) -> list[str]:
    return list(collect) if chosen is None else [f"{directory}/{name}" for directory in collect for name in chosen]


def _counts(one: Surveyed) -> str:
    counts = (f"{one.count(outcome)} {outcome.value}" for outcome in reversed(CellOutcome))
    return ", ".join(counts) if one.cells else f"nothing was judged (pytest's exit code {one.exit_code})"


def _table(incidents: Sequence[Incident], verdicts: Sequence[IncidentVerdict]) -> list[str]:
    wide = max(len(incident.name) for incident in incidents)
    return [
        f"{incident.name:<{wide}}  {verdict.sentence()}" for incident, verdict in zip(incidents, verdicts, strict=True)
    ]
