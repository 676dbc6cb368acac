"""Certificates that the suite issues itself: a CA of its own for each deployment, which nobody else trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import ToolMissing, Unsupported
from chaos.target import Target

__all__ = ["Certificates", "certified", "inside_container", "issue", "refuse_issued"]


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM."""

    ca: Path
    certificate: Path
    key: Path


def certified(target: Target, *, directory: Path) -> tuple[Target, Mapping[str, str]]:
    """The target as its clients are to know it, and the variables by which its server finds its certificate.

    Where the target has its own certificate, or speaks no TLS, it stays as it is. Raises ToolMissing.
    """
    if target.tls is None or target.tls.issued is None:
        return target, {}
    try:
        made = issue(directory, target.tls.server_name)
    except ImportError as error:
        raise ToolMissing(
            f"{target.file}: tls.issued asks for a certificate, and trustme, which issues it, is not installed; "
            "install it (pip install trustme), or give the server a certificate of its own and declare tls.ca"
        ) from error
    tls = target.tls.model_copy(update={"ca": str(made.ca)} if target.tls.verify else {})
    variables = {target.tls.issued.certificate: str(made.certificate), target.tls.issued.key: str(made.key)}
    return target.model_copy(update={"tls": tls}), variables


def inside_container(file: str) -> str:
    """Where a container has its copy of a file, at the root: there is a root in every image, and nothing of that name.

    Its server may be anybody's user there, so it is anybody's to read; the certificate ends with the deployment.
    """
    return f"/chaos-{Path(file).name}"


def issue(directory: Path, *names: str) -> Certificates:
    """A CA of its own and a certificate for the names. Raises ImportError where trustme is not installed."""
    import trustme

    made = Certificates(directory / "ca.pem", directory / "certificate.pem", directory / "key.pem")
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(str(made.ca))
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    made.key.touch(mode=0o600)
    made.key.write_bytes(issued.private_key_pem.bytes())
    return made


def refuse_issued(target: Target, *, runtime: str) -> None:
    """Raise Unsupported where the server runs already, and would not find a certificate that the suite issues."""
    if target.tls is not None and target.tls.issued is not None:
        raise Unsupported(
            f"{target.file}: tls.issued goes with --chaos-runtime=processes or containers; for {runtime} give the "
            "server a certificate of its own and declare tls.ca"
        )
