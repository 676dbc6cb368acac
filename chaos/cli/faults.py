"""`python -m chaos faults`: a glossary of the matrix's columns."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator

from chaos.cli.options import colours, encodable
from chaos.faults import Fault, known_faults
from chaos.report.matrix import FAMILY_ORDER
from chaos.report.spans import Line, Span, ansi, plain

__all__ = ["add_arguments", "render", "run", "sentence_of"]

WIDTH = 100
FAMILIES = {
    "network": "the link: what the proxy does to connections",
    "kernel": "the way below TCP: what the kernel does to packets and sockets",
    "client": "the peers: how clients end, or go wrong, one by one",
    "crowd": "many clients at once",
    "handshake": "what is said before there is a WebSocket",
    "frame": "what is said in frames of WebSocket",
    "application": "what is said in messages of the dialect",
    "server": "the server's own processes, and what they live on",
    "upstream": "what the server depends on",
}
"""What a family is, in the order of the matrix; one of another package may have a family of its own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The names are those of the matrix's columns, and `-k NAME` chooses the scenarios under one. A name with a +\n"
        "is several at once. What this machine lacks of what they need, `python -m chaos doctor` says.\n"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    faults = sorted(known_faults().values(), key=_place)
    if options.json:
        for fault in faults:
            print(json.dumps(_record(fault), ensure_ascii=False))
        return 0
    lines = list(render(faults))
    sys.stdout.write(encodable(ansi(lines) if colours() else plain(lines)))
    return 0


def render(faults: Iterable[type[Fault]]) -> Iterator[Line]:
    """A heading for each family, and for each fault its name, its sentence and what it needs."""
    faults = list(faults)
    wide = max(len(fault.name) for fault in faults) + 2
    above = None
    for fault in faults:
        if fault.family != above:
            if above is not None:
                yield ()
            told = FAMILIES.get(fault.family, "")
            yield (Span(fault.family, ("bold",)), Span(f": {told}" if told else "", ("light",)))
            above = fault.family
        first, *others = _wrapped(sentence_of(fault), WIDTH - wide - 2)
        yield (Span(f"  {fault.name:<{wide}}", ("cyan",)), Span(first))
        for line in (*others, *_wrapped(_needs(fault), WIDTH - wide - 2)):
            yield (Span(" " * (wide + 2) + line, () if line in others else ("light",)),)


def sentence_of(fault: type[Fault]) -> str:
    """The first sentence of a fault's docstring, without its parameters; empty where it has no docstring of its own.

    What stands in parentheses with backticks is for whoever writes a scenario.
    """
    text = " ".join(inspect.cleandoc(fault.__dict__.get("__doc__") or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", re.sub(r" \([^()]*`[^()]*\)", "", text), maxsplit=1)[0].replace("`", "")


def _needs(fault: type[Fault]) -> str:
    needs = ", ".join(sorted(need.value for need in fault.needs)) or "nothing"
    spoken = f"; said in {' or '.join(sorted(fault.dialects))} alone" if fault.dialects is not None else ""
    return f"needs {needs}{spoken}"


def _record(fault: type[Fault]) -> dict[str, object]:
    return {
        "name": fault.name,
        "family": fault.family,
        "does": sentence_of(fault),
        "needs": sorted(need.value for need in fault.needs),
        "dialects": None if fault.dialects is None else sorted(fault.dialects),
    }


def _place(fault: type[Fault]) -> tuple[int, str, str]:
    order = FAMILY_ORDER.index(fault.family) if fault.family in FAMILY_ORDER else len(FAMILY_ORDER)
    return (order, fault.family, fault.name)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
