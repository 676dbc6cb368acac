"""Where a TCP server listens, and the rule that keeps traffic at home."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from chaos.errors import ForeignAddress

__all__ = ["Address", "refuse_foreign"]


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name or IP literal) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, scheme: str, path: str = "") -> str:
        """`scheme://host:port/path`."""
        return f"{scheme}://{self}{path}"


def refuse_foreign(address: Address, *, allowed_hosts: Collection[str] = ()) -> None:
    """Raise ForeignAddress unless the host is loopback or allowed by name.

    Only literals in 127.0.0.0/8 and ::1, and the name `localhost`, count as loopback: a name that merely resolves to
    loopback today may resolve elsewhere tomorrow.
    """
    if address.host == "localhost" or address.host in allowed_hosts:
        return
    try:
        if ipaddress.ip_address(address.host).is_loopback:
            return
    except ValueError:
        pass
    raise ForeignAddress(
        f"{address} is neither loopback nor started by this suite, so no load or fault may go there; "
        f"if it is yours, allow it by name with --chaos-allow-host={address.host}"
    )
