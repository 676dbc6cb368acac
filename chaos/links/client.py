"""toxiproxy-python, one copy for each Toxiproxy, made safe to call from asyncio.

This is the only module that imports it. Its host and port are attributes of a class, so that pointing one client to a
server repoints all others; so each `ApiClient` imports the package once more under a name of its own and nobody
shares anything. In that copy `requests` is replaced by `BoundedHttp`: what the package lacks (time limits, PATCH,
errors told from answers) comes in there, and its own code stays as it is.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from chaos.address import Address
from chaos.errors import LinkError
from chaos.links.bounded import ApiHung, ApiRefused, BoundedHttp, in_thread
from chaos.links.toxics import Stream, Toxic
from chaos.units import format_duration

__all__ = ["ApiClient"]

Result = TypeVar("Result")
_COPIES = itertools.count(1)


class ApiClient:
    """Toxiproxy's API at one address. Every method is a call with a deadline, and raises LinkError.

    ApiHung: no answer in time. ApiRefused: an error was answered. Nothing is read back here; see `Link`.
    """

    def __init__(self, api: Address, *, deadline: float) -> None:
        self.api = api
        self.deadline = deadline
        self._http = BoundedHttp(deadline=deadline)
        self._package = _own_copy(self._http)
        host = f"[{api.host}]" if ":" in api.host else api.host  # the package writes host:port and knows no IPv6
        self._package.Toxiproxy().update_api_consumer(host, api.port)
        self._consumer = self._package.api.APIConsumer

    # -- the server -----------------------------------------------------------------------------------------------

    async def version(self) -> str:
        """Toxiproxy's version, such as "2.12.0"."""
        # Not the package's own version(): it opens a connection without a time limit first, and knows no IPv6.
        answer = await self._call("asking for its version", lambda: self._consumer.get("/version").json())
        return str(answer["version"])

    async def proxies(self) -> dict[str, dict[str, Any]]:
        """Every proxy by name, as the API shows it. Waits for all of them: one that hangs makes this hang."""
        return await self._call("listing its proxies", lambda: dict(self._consumer.get("/proxies").json()))

    async def connections(self, name: str) -> list[dict[str, Any]] | None:
        """The connections of a proxy, as the embedded proxy shows them; None where there is no such route."""
        try:
            answer = await self._call(
                f"listing the connections of {name!r}", lambda: self._consumer.get(f"/connections/{name}").json()
            )
        except ApiRefused as error:
            if error.status == 404 and error.reason != "proxy not found":
                return None
            raise
        return list(answer["proxies"][name]["connections"])

    async def tells_connections(self) -> bool:
        """Whether it is the embedded proxy: only that one answers `GET /connections`."""
        try:
            await self._call("asking for connections", lambda: self._consumer.get("/connections").json())
        except ApiRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    # -- one proxy ------------------------------------------------------------------------------------------------

    async def create(self, name: str, *, upstream: Address, listen: str, enabled: bool = True) -> dict[str, Any]:
        """Make a proxy; what the API shows of it."""
        wanted = {"name": name, "upstream": str(upstream), "listen": listen, "enabled": enabled}
        # Not the package's own create(): it lists all proxies first, and hangs with any of them.
        answer = await self._call(f"creating {name!r}", lambda: self._consumer.post("/proxies", json=wanted).json())
        return dict(answer)

    async def proxy(self, name: str) -> dict[str, Any]:
        """A proxy and its toxics, as the API shows it."""
        answer = await self._call(f"reading {name!r}", lambda: self._consumer.get(f"/proxies/{name}").json())
        return dict(answer)

    async def set_enabled(self, name: str, *, enabled: bool) -> None:
        """Make it listen, or stop listening and cut every connection."""
        proxy = self._proxy(name)
        doing = "enabling" if enabled else "disabling"
        await self._call(f"{doing} {name!r}", proxy.enable if enabled else proxy.disable)

    async def delete(self, name: str) -> None:
        """Remove it and cut every connection."""
        await self._call(f"removing {name!r}", self._proxy(name).destroy)

    # -- toxics ---------------------------------------------------------------------------------------------------

    async def add_toxic(self, name: str, toxic_name: str, toxic: Toxic, *, stream: Stream, toxicity: float) -> None:
        """Add a toxic to a proxy."""
        proxy = self._proxy(name)
        await self._call(
            f"adding {toxic_name!r} to {name!r}",
            lambda: proxy.add_toxic(
                type=toxic.type, name=toxic_name, stream=stream.value, toxicity=toxicity, attributes=toxic.attributes()
            ),
        )

    async def update_toxic(self, name: str, toxic_name: str, toxic: Toxic, *, toxicity: float) -> None:
        """Give a toxic other figures. Its stream and type cannot change: Toxiproxy ignores both here."""
        url = f"{self._consumer_url()}/proxies/{name}/toxics/{toxic_name}"
        body = {"attributes": toxic.attributes(), "toxicity": toxicity}
        await self._call(f"updating {toxic_name!r} on {name!r}", lambda: self._http.patch(url, json=body).json())

    async def remove_toxic(self, name: str, toxic_name: str) -> None:
        """Take a toxic away."""
        proxy = self._proxy(name)
        await self._call(f"removing {toxic_name!r} from {name!r}", lambda: proxy.destroy_toxic(toxic_name))

    async def toxics(self, name: str) -> dict[str, Any]:
        """The toxics of a proxy by name: objects with `type`, `stream`, `toxicity` and `attributes`."""
        return dict(await self._call(f"reading the toxics of {name!r}", self._proxy(name).toxics))

    # -- within ---------------------------------------------------------------------------------------------------

    def _proxy(self, name: str) -> Any:
        return self._package.Proxy(name=name, upstream="", listen="", enabled=True)

    def _consumer_url(self) -> str:
        return f"http://{self._consumer.host}:{self._consumer.port}"

    async def _call(self, what: str, call: Callable[[], Result]) -> Result:
        try:
            return await in_thread(call, deadline=self.deadline)
        except ApiRefused as error:
            raise ApiRefused(
                f"Toxiproxy at {self.api} refused {what}: {error.reason} (HTTP {error.status}){_remedy(error)}",
                status=error.status,
                reason=error.reason,
            ) from error
        except ApiHung as error:
            raise ApiHung(f"Toxiproxy at {self.api} hangs: {what} {error}") from error
        except TimeoutError as error:
            raise ApiHung(
                f"Toxiproxy at {self.api} hangs: {what} was not answered within {format_duration(self.deadline)}"
            ) from error
        except ConnectionResetError as error:
            raise LinkError(
                f"Toxiproxy at {self.api} hung up on {what} ({error}): it has ended, or was ended; its log says why"
            ) from error
        except ConnectionError as error:
            raise LinkError(
                f"no Toxiproxy answers at {self.api} ({what}: {error}); start it, or correct the address of its API"
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise LinkError(
                f"what answers at {self.api} is not Toxiproxy ({what} gave no JSON that it would give); "
                "correct the address of its API"
            ) from error


def _remedy(error: ApiRefused) -> str:
    if "address already in use" in error.reason:
        return "; something else listens there: choose another port, or 0 for any"
    if error.status == 409:
        return "; every link has a name of its own: close the other one first, or choose another name"
    if error.status == 404:
        return "; somebody else removed it, or Toxiproxy was restarted"
    return ""


def _own_copy(http: BoundedHttp) -> ModuleType:
    """toxiproxy-python, imported once more, with `http` in the place of `requests`."""
    original = importlib.util.find_spec("toxiproxy")
    if original is None or original.origin is None:
        raise LinkError("toxiproxy-python is not installed; install it with: pip install toxiproxy-python==0.1.1")
    name = f"chaos.links._toxiproxy_{next(_COPIES)}"
    spec = importlib.util.spec_from_file_location(
        name, original.origin, submodule_search_locations=original.submodule_search_locations
    )
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(package)
    finally:  # its modules hold each other; by name they were needed for importing only
        for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
            del sys.modules[module]
    package.api.requests = http
    return package
