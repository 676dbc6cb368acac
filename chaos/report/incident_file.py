"""Reading an incident: `incident.toml`, and the target files of its variants beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chaos.errors import ConfigurationError
from chaos.mistakes import beyond_reading, dotted, regex_error
from chaos.target import Target
from chaos.target_file import load_target
from chaos.toml_file import parse_toml, read_text

__all__ = [
    "AFTER",
    "BEFORE",
    "FILE",
    "Expected",
    "Figure",
    "Incident",
    "Told",
    "Variant",
    "VariantName",
    "load_incident",
]

FILE = "incident.toml"

VariantName = Literal["before", "control", "after", "after-as-told", "unattended", "mistaken"]
BEFORE: VariantName = "before"
AFTER: VariantName = "after"


def _pattern(text: object) -> object:
    if isinstance(text, str) and (error := regex_error(text)):
        raise ValueError(f"is no regular expression: {error}")
    return text


Cell = Annotated[
    str, Field(pattern=r"^test_\w+\.py::test_\w+(\[[^\]/]+\])?$", examples=["test_latency.py::test_x[calm]"])
]
"""File, test and fault of a scenario, below the directory of the scenarios."""
Pattern = Annotated[str, BeforeValidator(_pattern)]


class _Table(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class Variant(_Table):
    """One state of the server."""

    target: Annotated[str, Field(min_length=1)]
    """Its target file, relative to the incident's."""
    scenarios: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None
    """Those that run against it, below the directory of the scenarios: files, tests or cells. None: all."""


class Expected(_Table):
    """How a cell has to end on one variant."""

    variant: VariantName = BEFORE
    cell: Cell
    not_in: dict[str, str] = {}
    """Runtimes that cannot ask for it, each with the reason."""


class Told(Expected):
    """A cell that has to go red, and what it has to say."""

    finding: Annotated[str, Field(min_length=1)]
    """The expectation that is violated."""
    says: Pattern
    """A regular expression that the sentence of the finding contains."""


class Figure(_Table):
    """One of the owners' figures, and where it is measured."""

    what: Annotated[str, Field(min_length=1)]
    told: Annotated[str, Field(min_length=1)]
    """The owners' own, in their words."""
    cell: Cell
    finding: Annotated[str, Field(min_length=1)]
    """The expectation whose sentence has the measured one."""
    note: str = ""
    """What has to be known to compare the two: a scale, a contradiction."""


class _Document(_Table):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]
    title: Annotated[str, Field(min_length=1)]
    not_in: dict[str, Annotated[str, Field(min_length=1)]] = {}
    variants: dict[VariantName, Variant]
    red: Annotated[tuple[Told, ...], Field(min_length=1)]
    held: tuple[Expected, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident: what ran, what has to be seen, what its owners told."""

    name: str
    title: str
    variants: Mapping[VariantName, Variant]
    targets: Mapping[VariantName, Target]
    """In the order in which they are shown."""
    red: tuple[Told, ...]
    held: tuple[Expected, ...]
    figures: tuple[Figure, ...]
    not_in: Mapping[str, str] = field(default_factory=dict)
    """Runtimes in which its servers cannot be had, each with the reason."""


def load_incident(folder: Path) -> Incident:
    """The incident in a folder. Raises ConfigurationError with every mistake, also of its target files.

    All variants promise the same and converse in the same way: only then is what one breaks and another keeps the
    work of the fix, and only then does a server that answers nobody break its own promise, and not its file.
    """
    path = folder / FILE
    if not path.is_file():
        raise ConfigurationError(f"there is no {path}; an incident is a folder that has one")
    document = parse_toml(read_text(path), path)
    if beyond := beyond_reading(document):
        raise _refused(path, [f"{dotted(mistake.key)} {mistake.problem}" for mistake in beyond])
    try:
        read = _Document.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        raise _refused(path, _explained(error)) from None
    targets = {name: load_target(folder / variant.target) for name, variant in _in_order(read.variants)}
    mistakes = [*_unknown_variants(read), *_different(targets)]
    if mistakes:
        raise _refused(path, mistakes)
    return Incident(
        name=read.name,
        title=read.title,
        variants=read.variants,
        targets=targets,
        red=read.red,
        held=read.held,
        figures=read.figures,
        not_in=read.not_in,
    )


def _in_order(variants: Mapping[VariantName, Variant]) -> Iterator[tuple[VariantName, Variant]]:
    order: tuple[VariantName, ...] = (BEFORE, "control", "after-as-told", "unattended", "mistaken", AFTER)
    return ((name, variants[name]) for name in order if name in variants)


def _unknown_variants(read: _Document) -> Iterator[str]:
    for name in (BEFORE, AFTER):
        if name not in read.variants:
            yield f"variants.{name} is missing: an incident is what its fix has changed"
    for kind, expected in (("red", read.red), ("held", read.held)):
        for number, each in enumerate(expected):
            if each.variant not in read.variants:
                yield f"{kind}[{number}].variant is {each.variant}, and there is no variants.{each.variant}"
    if not any(each.variant == BEFORE for each in read.red):
        yield "red names no cell of before: nothing would be reproduced"


def _different(targets: Mapping[VariantName, Target]) -> Iterator[str]:
    after = targets.get(AFTER)
    for name, target in targets.items():
        if after is None or target is after:
            continue
        for table in ("promises", "endpoints", "dialect"):
            if getattr(target, table) != getattr(after, table):
                yield (
                    f"variants.{name}: {target.file.name} and {after.file.name} differ in {table}; all variants are "
                    "held to one contract, so let one file extend the other and say only how the server is started"
                )
        if target.name == after.name:
            yield f"variants.{name}: {target.file.name} and {after.file.name} are both called {target.name}"


def _explained(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False)
    return [f"{dotted(detail['loc'])}: {detail['msg']}; found {_shown(detail['input'])}" for detail in found]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:80]


def _refused(path: Path, mistakes: list[str]) -> ConfigurationError:
    return ConfigurationError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
