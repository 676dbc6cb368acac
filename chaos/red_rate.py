"""How flaky the suite is: whole runs counted per state of the tree, and the bound on the red rate that they support."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.errors import JournalError

__all__ = ["CONFIDENCE", "Tally", "load_tally", "red_rate_bound", "save_tally"]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Runs of one state of the tree in one runtime."""

    runs: int = 0
    red: int = 0
    """Runs that did not end green: violated, inconclusive or broken."""
    seconds: tuple[float, ...] = ()
    """How long each took."""
    reds: tuple[str, ...] = ()
    """What to look at, for each red run: its id, or what it printed where it ended before it had one."""

    def counted(self, *, green: bool, seconds: float, run: str) -> Tally:
        """The tally with one run more."""
        return replace(
            self,
            runs=self.runs + 1,
            red=self.red + (not green),
            seconds=(*self.seconds, round(seconds, 2)),
            reds=self.reds if green else (*self.reds, run),
        )

    def sentence(self, runtime: str) -> str:
        """What the runs support, in words."""
        if not self.runs:
            return f"{runtime}: no run yet"
        median = sorted(self.seconds)[len(self.seconds) // 2]
        bound = red_rate_bound(self.red, self.runs)
        return (
            f"{runtime}: {self.red} of {self.runs} runs red, so the red rate is below {bound:.1%} "
            f"({CONFIDENCE:.0%} confidence); median run {median:.1f}s, longest {max(self.seconds):.1f}s"
        )


def red_rate_bound(red: int, runs: int, *, confidence: float = CONFIDENCE) -> float:
    """The upper bound of a rate of which `red` in `runs` were seen (Clopper and Pearson, one-sided).

    With no red at all in n runs it is 1 - (1 - confidence) ** (1 / n): 13.9 % after 20, 1 % after 298.
    """
    if not 0 <= red <= runs or runs < 1:
        raise ValueError(f"0 to {runs} of at least one run can be red; found {red} of {runs}")
    if red == runs:
        return 1.0
    from scipy.stats import beta

    return float(beta.ppf(confidence, red + 1, runs - red))


def load_tally(path: Path) -> Tally:
    """The tally kept in a file; an empty one where there is none. Raises JournalError for a file that is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Tally(
            runs=record["runs"], red=record["red"], seconds=tuple(record["seconds"]), reds=tuple(record["reds"])
        )
    except FileNotFoundError:
        return Tally()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalError(f"{path} holds no tally of runs ({error}); remove it to begin anew") from error


def save_tally(path: Path, tally: Tally) -> None:
    """Keep a tally, whole or not at all: an interrupted soak goes on from the last run that ended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(dataclasses.asdict(tally), indent=2), encoding="utf-8")
    unfinished.replace(path)
