"""Directory names for cells: readable, safe in any file system and shell, and unique within a run."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

__all__ = ["claim_directory", "slug_of"]

LONGEST = 80
"""Characters of a slug: it is typed at a prompt, and file systems end a name at 255 bytes."""

_UNSAFE = re.compile(r"[^a-z0-9_]+")


def slug_of(node: str) -> str:
    """A readable name for a pytest node id.

    `tests/scenarios/test_liveness.py::test_dead_peer[reset]` becomes `liveness-dead_peer-reset`. Where cleaning loses
    more than the usual `test_` prefixes, folders and brackets, six digits of a hash keep two nodes apart.
    """
    file, separator, rest = node.partition("::")
    stem = Path(file).stem if separator else file
    words = [stem, *re.split(r"::|\[", rest.removesuffix("]"))] if separator else [stem]
    words = [word.removeprefix("test_") for word in words if word]
    cleaned = [_UNSAFE.sub("-", word.lower()).strip("-") for word in words]
    slug = "-".join(word for word in cleaned if word).lstrip("-_")  # a name like an option is no name for a shell
    if slug and slug == "-".join(words) and len(slug) <= LONGEST:
        return slug
    digest = hashlib.sha256(node.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{slug[: LONGEST - 7].rstrip('-')}-{digest}".lstrip("-")


def claim_directory(parent: Path, slug: str) -> Path:
    """Create `parent/slug`, or `slug-2`, `slug-3` and so on where it is taken; creating it is what claims it.

    Two processes of one run (pytest-xdist) and a test that runs twice each get a directory of their own.
    """
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        directory = parent / (slug if number == 1 else f"{slug}-{number}")
        try:
            directory.mkdir()
        except FileExistsError:
            number += 1
        else:
            return directory
