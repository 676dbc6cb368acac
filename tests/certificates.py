"""Certificates for tests: made anew each time, and trusted by whoever reads `ca.pem`."""

from __future__ import annotations

from pathlib import Path

from chaos.runtime.certificates import Certificates, issue

__all__ = ["Certificates", "certificates"]


def certificates(directory: Path, *names: str) -> Certificates:
    """A CA of its own and a certificate for the names, in `directory`, which is made where it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    return issue(directory, *names)
