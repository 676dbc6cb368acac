"""What no single key can tell: whether the parts of a target file fit together.

The checks read the document itself and not the validated models, so they speak up also when something else is wrong;
a value of the wrong kind is not theirs and looks to them as if it were not there.
"""

from __future__ import annotations

from pathlib import Path

from chaos.mistakes import Mistake
from chaos.target_checks import certificates, conversation, promises, start, statistics, texts
from chaos.target_checks.document import Document
from chaos.target_checks.start import ENVIRONMENTS

__all__ = ["ENVIRONMENTS", "check"]


def check(document: Document, *, directory: Path) -> list[Mistake]:
    """Every mistake that shows only between keys. Paths in the file are relative to `directory`."""
    return [
        *texts.check(document),
        *promises.check(document),
        *statistics.check(document),
        *conversation.check(document),
        *start.check(document, directory=directory),
        *certificates.check(document, directory=directory),
    ]
