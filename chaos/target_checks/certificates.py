"""Whether TLS is spoken, and who vouches for the server's certificate."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from chaos.mistakes import Mistake, shown
from chaos.target_checks.document import Document, value_at

__all__ = ["check"]

_IMAGES = ("image", "build")
"""Where a container's image comes from."""


def check(document: Document, *, directory: Path) -> Iterator[Mistake]:
    """The mistakes of this kind, in the order in which they are told. Paths in the file are relative to `directory`."""
    yield from _tls_fits_the_address(document)
    yield from _certificate_can_be_issued(document)
    yield from _certificates_are_there(document, directory=directory)


def _tls_fits_the_address(document: Document) -> Iterator[Mistake]:
    """What is attached to says by its scheme whether it speaks TLS."""
    attach = value_at(document, ("start", "attach"), str)
    if attach is None:
        return
    declared = "tls" in document
    if attach.startswith("wss://") and not declared:
        yield Mistake(
            key=("start", "attach"),
            problem="speaks TLS, and nothing says how its certificate is known",
            found=shown(attach),
            allowed="a [tls] table with the server_name that stands in its certificate, or ws://",
        )
    elif attach.startswith("ws://") and declared:
        yield Mistake(
            key=("start", "attach"),
            problem="speaks no TLS, and the [tls] table says that the server does",
            found=shown(attach),
            allowed="wss://, or no [tls] table",
            hint=shown(attach.replace("ws://", "wss://", 1)),
        )


def _certificate_can_be_issued(document: Document) -> Iterator[Mistake]:
    """The suite puts it into files where a server that it starts can read them."""
    if value_at(document, ("tls", "issued"), dict) is None:
        return
    started = (
        value_at(document, ("start", "command"), list),
        *(value_at(document, ("start", how), str) for how in _IMAGES),
    )
    if all(way is None for way in started):
        yield Mistake(
            key=("tls", "issued"),
            problem="goes with a server that the suite starts: one that runs already does not find the files",
            allowed="start.command, start.image or start.build, or tls.ca for a certificate of the server's own",
        )
    if ca := value_at(document, ("tls", "ca"), str):
        yield Mistake(
            key=("tls", "ca"),
            problem="is for nothing: what tls.issued issues is vouched for by the suite's own",
            found=shown(ca),
            allowed="one of both",
        )


def _certificates_are_there(document: Document, *, directory: Path) -> Iterator[Mistake]:
    ca = value_at(document, ("tls", "ca"), str)
    if not ca:
        return
    key = ("tls", "ca")
    if value_at(document, ("tls", "verify"), bool) is False:
        allowed = "verify = true, or no ca"
        yield Mistake(key=key, problem="is for nothing: tls.verify is false", found=shown(ca), allowed=allowed)
        return
    allowed = "a file of certificates in PEM, relative to the target file"
    if "\0" in ca or not os.path.isfile(directory / ca):
        yield Mistake(key=key, problem="is not a file", found=shown(ca), allowed=allowed)
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(directory / ca)
    except ssl.SSLError:
        yield Mistake(key=key, problem="holds no certificate", found=shown(ca), allowed=allowed)
    except OSError as error:
        yield Mistake(key=key, problem=f"cannot be read: {error.strerror}", found=shown(ca), allowed=allowed)
