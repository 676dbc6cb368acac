"""`python -m chaos doctor`: what this machine can do, and the remedy for what it cannot."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator

from chaos.cli.options import colours
from chaos.doctor import CheckResult, State, examine
from chaos.doctor.losses import Loss, losses
from chaos.report.spans import Line, Span, ansi, plain

__all__ = ["add_arguments", "render", "run"]

WIDTH = 100
NAME = 20
STYLES = {
    State.OK: ("green",),
    State.LIMITED: ("yellow",),
    State.MISSING: ("red", "bold"),
    State.UNKNOWN: ("yellow", "bold"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "It changes nothing, leaves nothing behind, and ends with 0 whatever it finds."
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")


def run(options: argparse.Namespace) -> int:
    results = examine()
    lost = losses(results)
    if options.json:
        record = {
            "checks": [dataclasses.asdict(result) for result in results],
            "losses": [dataclasses.asdict(loss) for loss in lost],
        }
        print(json.dumps(record, indent=2, ensure_ascii=False))
    else:
        lines = list(render(results, lost))
        sys.stdout.write(ansi(lines) if colours() else plain(lines))
    return 0


def render(results: Iterable[CheckResult], lost: Iterable[Loss]) -> Iterator[Line]:
    """What was found line by line, then what that leaves out."""
    results, lost = list(results), list(lost)
    indent, below = " " * (NAME + 9), " " * 9
    for result in results:
        head = (Span(f"{result.state.value:<9}", STYLES[result.state]), Span(f"{result.name:<{NAME}}", ("bold",)))
        for number, text in enumerate(_wrapped(result.found, WIDTH - len(indent))):
            yield (*head, Span(text)) if number == 0 else (Span(indent + text),)
        if result.state is not State.OK:
            for label, text in (("leaves out", result.leaves_out), ("remedy", result.remedy)):
                yield from _indented(f"{label}: {text}", below) if text else ()
    yield ()
    without = [result for result in results if result.runtime == "containers" and result.state is State.MISSING]
    yield from _summary(lost, containers=not without)


def _summary(lost: list[Loss], *, containers: bool) -> Iterator[Line]:
    if not lost:
        where = "here" if containers else "here, in the processes runtime"
        yield (Span(f"Nothing is left out: every scenario and every fault can be run {where}.", ("bold",)),)
        return
    yield (Span("Skipped on this machine:", ("bold",)),)
    for loss in lost:
        yield (Span(f"  {loss.runtime} runtime, without {loss.capability.value}"),)
        for what in loss.scenarios:
            yield from _indented(f"scenario  {what}", "    ")
        for what in loss.cells:
            yield from _indented(f"fault  {what}", "    ")
        yield from _indented(f"because of {loss.because}", "    ")
        yield from _indented(f"remedy: {loss.remedy}", "    ")


def _indented(text: str, indent: str) -> Iterator[Line]:
    for number, line in enumerate(_wrapped(text, WIDTH - len(indent) - 2)):
        yield (Span(indent + ("  " if number else "") + line, ("light",)),)


def _wrapped(text: str, width: int) -> list[str]:
    """Paths and options are not broken at their hyphens: they are there to be copied."""
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]
