"""What callers send and what they get back: JSON bodies from and to the proxies' own types.

What Toxiproxy accepts is accepted, misspelt attributes and all: a client that runs against one must run against the
other. To refuse nonsense is the client's business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chaos.links.embedded.chain import Chain
from chaos.links.embedded.collection import ProxySpecification
from chaos.links.embedded.errors import (
    bad_request_body,
    invalid_stream,
    invalid_toxic_type,
    missing_field,
    toxic_exists,
)
from chaos.links.embedded.golang.fields import (
    BOOL,
    FLOAT32,
    INT,
    INT64,
    STRING,
    Field,
    decode,
    decode_list,
    nested_object,
)
from chaos.links.embedded.golang.scanner import JsonError
from chaos.links.embedded.items import Direction
from chaos.links.embedded.proxy import Proxy
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.toxics import Toxic, named

__all__ = [
    "ProxyChanges",
    "proxy_to_json",
    "read_new_proxy",
    "read_new_toxic",
    "read_proxies",
    "read_proxy_changes",
    "read_toxic_changes",
    "toxic_to_json",
]


def _proxy_fields(label: str, enabled: str) -> tuple[Field, ...]:
    return (
        *(Field(key, STRING, f"{label}.{key}") for key in ("name", "listen", "upstream")),
        Field("enabled", BOOL, enabled),
        Field("Logger", nested_object("zerolog.Logger"), f"{label}.Logger"),
    )


_PROXY = _proxy_fields("Proxy", "Proxy.enabled")
_POPULATED = _proxy_fields(".Proxy", ".enabled")
_POPULATED_STRUCT = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
_NEW_TOXIC = (
    Field("attributes", nested_object("toxics.NoopToxic"), "ToxicWrapper.attributes"),
    *(Field(key, STRING, f"ToxicWrapper.{key}") for key in ("name", "type", "stream")),
    Field("toxicity", FLOAT32, "ToxicWrapper.toxicity"),
)
_TOXIC_CHANGES_STRUCT = (
    'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'
)


@dataclass(frozen=True, slots=True)
class ProxyChanges:
    """A proxy's three variables as they shall be."""

    listen: str
    upstream: str
    enabled: bool


def read_new_proxy(value: object) -> ProxySpecification:
    """Body of `POST /proxies`. Raises ApiError 400."""
    return _proxy(_decode(value, _PROXY, "toxiproxy.Proxy"))


def read_proxy_changes(value: object, proxy: Proxy) -> ProxyChanges:
    """Body of `PATCH /proxies/{proxy}`; what it does not mention stays. Raises ApiError 400."""
    given = _decode(value, _PROXY, "toxiproxy.Proxy")
    return ProxyChanges(
        listen=given.get("listen", proxy.listen),
        upstream=given.get("upstream", proxy.upstream),
        enabled=given.get("enabled", proxy.enabled),
    )


def read_proxies(value: object) -> list[ProxySpecification]:
    """Body of `POST /populate`, and of a configuration file. Raises ApiError 400."""
    try:
        members = decode_list(value, type_name=f"[]{_POPULATED_STRUCT}")
    except JsonError as error:
        raise bad_request_body(error) from None
    decoded = [_decode(member, _POPULATED, _POPULATED_STRUCT) for member in members]
    return [_proxy(given, where=f" at proxy {number}") for number, given in enumerate(decoded, start=1)]


def read_new_toxic(value: object, chain: Chain) -> Setting:
    """Body of `POST /proxies/{proxy}/toxics`. Raises ApiError: 400, or 409 if the chain has one of this name."""
    given = _decode(value, _NEW_TOXIC, "toxics.ToxicWrapper")
    stream = given.get("stream", "downstream")
    try:
        direction = Direction(stream.lower())
    except ValueError:
        raise invalid_stream() from None
    kind = given.get("type", "")
    toxic = named(kind)
    if toxic is None:
        raise invalid_toxic_type()
    name = given.get("name") or f"{kind}_{stream}"
    if chain.has(name):
        raise toxic_exists()
    attributes = _decode_attributes(given.get("attributes"), toxic)
    return Setting(name, stream, direction, given.get("toxicity", 1.0), toxic(**attributes))


def read_toxic_changes(value: object, setting: Setting) -> tuple[Toxic, float]:
    """Body of `PATCH /proxies/{proxy}/toxics/{toxic}`; what it does not mention stays, name, type and stream stay in
    any case. Raises ApiError 400, and then nothing has changed."""
    go_type = nested_object(f"toxics.{setting.toxic.go_type}")
    fields = (Field("attributes", go_type, ".attributes"), Field("toxicity", FLOAT32, ".toxicity"))
    given = _decode(value, fields, _TOXIC_CHANGES_STRUCT)
    attributes = _decode_attributes(given.get("attributes"), type(setting.toxic))
    return dataclasses.replace(setting.toxic, **attributes), given.get("toxicity", setting.toxicity)


def proxy_to_json(proxy: Proxy) -> dict[str, Any]:
    """A proxy as Toxiproxy shows it."""
    return {
        "name": proxy.name,
        "listen": proxy.listen,
        "upstream": proxy.upstream,
        "enabled": proxy.enabled,
        "Logger": {},  # Toxiproxy shows its logger by accident; a client may expect the key
        "toxics": [toxic_to_json(setting) for setting in proxy.chain.settings()],
    }


def toxic_to_json(setting: Setting) -> dict[str, Any]:
    """A toxic as Toxiproxy shows it."""
    return {
        "attributes": dataclasses.asdict(setting.toxic),
        "name": setting.name,
        "type": setting.toxic.kind,
        "stream": setting.stream,
        "toxicity": setting.toxicity,
    }


def _proxy(given: dict[str, Any], *, where: str = "") -> ProxySpecification:
    for key in ("name", "upstream"):
        if not given.get(key):
            raise missing_field(key + where)
    return ProxySpecification(
        name=given["name"],
        listen=given.get("listen", ""),
        upstream=given["upstream"],
        enabled=given.get("enabled", True),
    )


def _decode_attributes(value: object, toxic: type[Toxic]) -> dict[str, Any]:
    integer = INT if toxic.go_integer == INT.name else INT64
    fields = [
        Field(field.name, integer, f"{toxic.go_type}.attributes.{field.name}") for field in dataclasses.fields(toxic)
    ]
    return _decode(value, fields, f"toxics.{toxic.go_type}")


def _decode(value: object, fields: Iterable[Field], struct_name: str) -> dict[str, Any]:
    try:
        return decode(value, fields, struct_name=struct_name)
    except JsonError as error:
        raise bad_request_body(error) from None
