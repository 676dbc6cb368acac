"""The proxy and the upstream where they are processes: what is asked of them once they serve."""

from __future__ import annotations

import pytest

from chaos.errors import EnvironmentFailure
from chaos.runtime.helpers import ask_version
from chaos.runtime.host import dial

from .test_health import answering


@pytest.mark.parametrize("body", [b'{"version": "2.12.0"}', b"2.12.0\n"])
def test_a_proxy_tells_its_version_as_json_or_as_bare_text(body: bytes) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n" + body) as api:
        assert ask_version(api, what="Toxiproxy", dial=dial) == "2.12.0"


def test_a_proxy_that_answers_no_more_is_told_in_plain_words() -> None:
    with answering(b"") as api, pytest.raises(EnvironmentFailure) as caught:
        ask_version(api, what="Toxiproxy", dial=dial)
    assert str(caught.value) == (
        f"Toxiproxy at {api} began to serve and answers no more: closed without an answer; run again"
    )
