from __future__ import annotations

import pytest

from chaos.links.embedded.golang.quoting import quote_byte


@pytest.mark.parametrize(
    ("byte", "quoted"),
    [
        (ord("a"), "'a'"),
        (ord('"'), "'\"'"),
        (ord("'"), "'\\''"),
        (ord("\\"), "'\\\\'"),
        (0, "'\\x00'"),
        (10, "'\\n'"),
        (0x7F, "'\\x7f'"),
        (0x80, "'\\u0080'"),
        (0xAD, "'\\u00ad'"),
        (0xE9, "'é'"),
    ],
)
def test_quotes_as_go_does(byte: int, quoted: str):
    assert quote_byte(byte) == quoted
