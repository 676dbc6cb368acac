"""Certificates that the suite issues itself: a CA of its own for each deployment, which nobody else trusts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chaos.errors import ToolMissing, Unsupported
from chaos.target import Target

__all__ = ["certified", "refuse_issued"]


def certified(target: Target, *, directory: Path) -> tuple[Target, Mapping[str, str]]:
    """The target as its clients are to know it, and the variables by which its server finds its certificate.

    Where the target has its own certificate, or speaks no TLS, it stays as it is. Raises ToolMissing.
    """
    if target.tls is None or target.tls.issued is None:
        return target, {}
    try:
        import trustme
    except ImportError as error:
        raise ToolMissing(
            f"{target.file}: tls.issued asks for a certificate, and trustme, which issues it, is not installed; "
            "install it (pip install trustme), or give the server a certificate of its own and declare tls.ca"
        ) from error
    authority = trustme.CA()
    issued = authority.issue_cert(target.tls.server_name)
    ca, certificate, key = (directory / name for name in ("ca.pem", "certificate.pem", "key.pem"))
    authority.cert_pem.write_to_path(str(ca))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.touch(mode=0o600)
    key.write_bytes(issued.private_key_pem.bytes())
    tls = target.tls.model_copy(update={"ca": str(ca)} if target.tls.verify else {})
    variables = {target.tls.issued.certificate: str(certificate), target.tls.issued.key: str(key)}
    return target.model_copy(update={"tls": tls}), variables


def refuse_issued(target: Target, *, runtime: str) -> None:
    """Raise Unsupported where a server that this runtime runs would not find a certificate that the suite issues."""
    if target.tls is not None and target.tls.issued is not None:
        raise Unsupported(
            f"{target.file}: tls.issued goes with --chaos-runtime=processes; for {runtime} give the server a "
            "certificate of its own and declare tls.ca"
        )
