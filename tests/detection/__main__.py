"""Merge what shards of detection have seen: `python -m tests.detection FILE... [--write-proven]`.

Prints one table. What was proven stays so, but for cells that have held against their defect since; what incidents are
red in is proven by their files. Exit code 1 where
a defect was not caught or a sentinel went red, 2 where a file is none of ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from chaos.report.incident_file import FILE, load_incident
from chaos.report.proven import SHIPPED, read_proven, render_proven
from tests.detection.cases import CASES
from tests.detection.cells import cell_keys
from tests.detection.observed import by_name, judge, read_observations
from tests.detection.proof import merged, proven_by, proven_by_incidents, still_proven
from tests.detection.table import render_table
from tests.running import ROOT

INCIDENTS = sorted(path.parent for path in (ROOT / "targets/incidents").glob(f"*/{FILE}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection", description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what --detection-results has written")
    parser.add_argument("--write-proven", action="store_true", help=f"write the cells that went red to {SHIPPED.name}")
    chosen = parser.parse_args(arguments)
    try:
        observations = read_observations(chosen.files)
    except (OSError, ValueError) as error:
        print(f"detection: {error}", file=sys.stderr)
        return 2
    cases = by_name(CASES)
    print("\n".join(render_table(observations, cases)))
    missing = sorted(set(cases) - {each.defect for each in observations})
    if missing:
        print(f"not in these files: {', '.join(missing)}")
    known = [each for each in observations if each.defect in cases]
    if chosen.write_proven:
        fresh = proven_by(known, cases)
        cells = cell_keys()
        of_incidents = proven_by_incidents(map(load_incident, INCIDENTS), cells)
        there = set(cells.values())
        kept = still_proven(read_proven(SHIPPED), after=known, cases=cases, there=there)
        SHIPPED.write_text(render_proven(merged([*kept, *fresh, *of_incidents])), encoding="utf-8")
    return 0 if all(judge(cases[each.defect], each).sound for each in known) else 1


if __name__ == "__main__":
    sys.exit(main())
