"""HTTP calls to Toxiproxy's API that end in time and say what went wrong.

toxiproxy-python calls `requests.get`, `.post` and `.delete` without a timeout, follows HTTP_PROXY, and reads any
answer as success but 400, 404 and 409. `BoundedHttp` takes the place of `requests` in a client's copy of it (see
`toxiproxy`), so that every call goes through here. `in_thread` keeps the synchronous client off the event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, TypeVar

import requests

from chaos.errors import LinkError

__all__ = ["ApiHung", "ApiRefused", "BoundedHttp", "in_thread"]

Result = TypeVar("Result")


class ApiRefused(LinkError):
    """Toxiproxy answered with an error; `status` is its HTTP status and `reason` its own words."""

    def __init__(self, message: str, *, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    def __reduce__(self) -> tuple[Callable[..., ApiRefused], tuple[str, int, str]]:
        """Pickled by its three parts: the constructor alone would be given the message only."""
        return _refused, (str(self), self.status, self.reason)


def _refused(message: str, status: int, reason: str) -> ApiRefused:
    return ApiRefused(message, status=status, reason=reason)


class ApiHung(LinkError):
    """Toxiproxy accepted a request and did not answer it, or only that it gave up."""


class BoundedHttp:
    """What toxiproxy-python needs of `requests`, and PATCH, each bounded by `deadline` seconds.

    Every call has a connection of its own: after one that hung there is no shared one to be poisoned. Raises
    TimeoutError for no answer, ConnectionResetError for one that hung up, another ConnectionError for no server,
    ApiHung for a 503 and ApiRefused for any other status of 300 and above.
    """

    def __init__(self, *, deadline: float) -> None:
        self._deadline = deadline

    def get(self, url: str, params: Any = None) -> requests.Response:
        return self._request("GET", url, params=params)

    def post(self, url: str, data: Any = None, json: Any = None) -> requests.Response:
        return self._request("POST", url, data=data, json=json)

    def patch(self, url: str, json: Any) -> requests.Response:
        return self._request("PATCH", url, json=json)

    def delete(self, url: str) -> requests.Response:
        return self._request("DELETE", url)

    def _request(self, method: str, url: str, **content: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # HTTP_PROXY is for the outside; this API is ours
            try:
                response = session.request(method, url, timeout=self._deadline, allow_redirects=False, **content)
            except requests.ConnectionError as error:  # first: a timeout of connect() is both
                inner = _innermost(error)
                kind = ConnectionResetError if isinstance(inner, ConnectionResetError) else ConnectionError
                raise kind(_words(inner)) from error
            except requests.Timeout as error:
                raise TimeoutError(str(error)) from error
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise ApiHung("was given up by Toxiproxy itself after 25s (HTTP 503)")
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            reason = _reason(response)
            raise ApiRefused(reason, status=response.status_code, reason=reason)
        return response


async def in_thread(call: Callable[[], Result], *, deadline: float) -> Result:
    """Run a blocking call in a thread of its own and wait at most `deadline` seconds. Raises TimeoutError.

    A daemon thread, not the loop's executor: one that hangs blocks neither the loop's name look-ups, which share that
    executor, nor the end of the process.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if outcome.done():
            return  # overdue or cancelled: nobody waits any more
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]  # no error: this is the call's result

    def run() -> None:
        result, failure = None, None
        try:
            result = call()
        except Exception as error:
            failure = error
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="toxiproxy call", daemon=True).start()
    async with asyncio.timeout(deadline):
        return await outcome


def _reason(response: requests.Response) -> str:
    """Toxiproxy's error text; of anything else the first line."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return (response.text.strip().splitlines() or ["without a text"])[0][:120]


def _innermost(error: BaseException) -> BaseException | None:
    """The operating system's own error, or that of the HTTP library, which urllib3 buries several deep."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and (inner.strerror or isinstance(inner, ConnectionResetError)):
            return inner
        reason = getattr(inner, "reason", None)
        arguments = [item for item in (*inner.args, reason) if isinstance(item, BaseException)]
        inner = inner.__cause__ or (arguments[0] if arguments else inner.__context__)
    return None


def _words(error: BaseException | None) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "no connection" if error is None else "no answer"
