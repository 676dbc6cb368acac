from __future__ import annotations

import pytest

from chaos.links.embedded.http.target import clean_path, escape_path, parse_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/proxies/a%20b?x=1", "/proxies/a b", "x=1"),
        ("/a%2Fb", "/a/b", ""),
        ("http://host:1/p?q", "/p", "q"),
        ("http://host", "", ""),
        ("*", "*", ""),
        ("/a#b", "/a#b", ""),
        ("/%c3%a9", "/é", ""),
        ("/\xff", "/\udcff", ""),
    ],
)
def test_parses(target: str, path: str, query: str):
    assert parse_target(target) == (path, query)


@pytest.mark.parametrize("target", ["/%zz", "/%a", "/a\x01b", "version", "?x", ""])
def test_refuses(target: str):
    with pytest.raises(ValueError, match="request target"):
        parse_target(target)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/a/b", "/a/b"),
        ("//a", "/a"),
        ("/a/./b/../c", "/a/c"),
        ("/a/", "/a/"),
        ("/a/./", "/a/"),
        ("/..", "/"),
        ("", "/"),
        ("*", "/*"),
    ],
)
def test_cleans(path: str, clean: str):
    assert clean_path(path) == clean


def test_escapes_what_a_location_may_not_hold():
    assert escape_path("/a b/é/\udcff*") == "/a%20b/%C3%A9/%FF%2A"
