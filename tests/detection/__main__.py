"""Merge what shards of detection have seen: `python -m tests.detection [FILE...] [--write-proven]`.

Prints one table, and which hollow cells went red beside those that the catalogue names. What is proven is what the
catalogue and the incidents name, no more. Exit code 1 where a defect was not caught or a sentinel went red, 2 where a
file is none of ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from chaos.report.incident_file import FILE, load_incident
from chaos.report.proven import SHIPPED, render_proven
from tests.detection.cases import CASES
from tests.detection.cells import cell_keys
from tests.detection.observed import by_name, judge, read_observations
from tests.detection.proof import proven_by, unnamed
from tests.detection.table import render_table
from tests.running import ROOT

INCIDENTS = sorted(path.parent for path in (ROOT / "targets/incidents").glob(f"*/{FILE}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection", description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what --detection-results has written")
    parser.add_argument("--write-proven", action="store_true", help=f"write the cells that are named to {SHIPPED.name}")
    chosen = parser.parse_args(arguments)
    if not (chosen.files or chosen.write_proven):
        parser.error("nothing to do: name FILEs, or --write-proven")
    try:
        observations = read_observations(chosen.files)
    except (OSError, ValueError) as error:
        print(f"detection: {error}", file=sys.stderr)
        return 2
    cases = by_name(CASES)
    proven = proven_by(CASES, map(load_incident, INCIDENTS), cell_keys())
    if chosen.write_proven:
        SHIPPED.write_text(render_proven(proven), encoding="utf-8")
    if not chosen.files:
        return 0
    known = [each for each in observations if each.defect in cases]
    print("\n".join(render_table(observations, cases)))
    for line in unnamed(known, cases, proven={cell.key for cell in proven}):
        print(f"hollow, and red: {line}")
    missing = sorted(set(cases) - {each.defect for each in observations})
    if missing:
        print(f"not in these files: {', '.join(missing)}")
    return 0 if all(judge(cases[each.defect], each).sound for each in known) else 1


if __name__ == "__main__":
    sys.exit(main())
