"""Where keys stand in a TOML document."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.toml_lines import Key, key_lines, line_of
from tests.examples import examples

DOCUMENT = '''\
# a comment with [brackets] and key = "value"
name = "x"  # another = comment

[start]
command = [
    "server",  # in = the middle
    "--port", "{port}",
]
environment = { A = "1", B.c = "2" }
"quoted key" = """
[not.a.table]
also = "not a key"
""" # after
'single' = \'\'\'
x = 1
\'\'\'

[ endpoints . "echo" ]
path.inner = '/ws'
text = "a \\" quote ] # = "

[[crowd]]
size = 1
[crowd.more]
a = 1
[[crowd]]
size = 2
[[crowd.inner]]
b = [ { c = 1 }, { d = 2 } ]
'''

EXPECTED: dict[Key, int] = {
    ("name",): 2,
    ("start",): 4,
    ("start", "command"): 5,
    ("start", "environment"): 9,
    ("start", "environment", "A"): 9,
    ("start", "environment", "B"): 9,
    ("start", "environment", "B", "c"): 9,
    ("start", "quoted key"): 10,
    ("start", "single"): 14,
    ("endpoints",): 18,
    ("endpoints", "echo"): 18,
    ("endpoints", "echo", "path"): 19,
    ("endpoints", "echo", "path", "inner"): 19,
    ("endpoints", "echo", "text"): 20,
    ("crowd",): 22,
    ("crowd", 0): 22,
    ("crowd", 0, "size"): 23,
    ("crowd", 0, "more"): 24,
    ("crowd", 0, "more", "a"): 25,
    ("crowd", 1): 26,
    ("crowd", 1, "size"): 27,
    ("crowd", 1, "inner"): 28,
    ("crowd", 1, "inner", 0): 28,
    ("crowd", 1, "inner", 0, "b"): 29,
    ("crowd", 1, "inner", 0, "b", "c"): 29,
    ("crowd", 1, "inner", 0, "b", "d"): 29,
}


def test_every_key_is_on_its_line() -> None:
    tomllib.loads(DOCUMENT)
    assert key_lines(DOCUMENT) == EXPECTED


def test_a_key_that_is_not_there_is_placed_at_the_table_around_it() -> None:
    lines = key_lines(DOCUMENT)
    assert line_of(("endpoints", "echo", "send"), lines) == 18
    assert line_of(("endpoints", "feed", "path"), lines) == 18
    assert line_of(("nowhere",), lines) is None
    assert line_of((), lines) is None


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "a = 1", "a = 'x'\r\nb = 2\r\n"])
def test_small_documents(text: str) -> None:
    assert set(key_lines(text)) == {(key,) for key in tomllib.loads(text)}


# -- against tomllib, on documents it never saw ------------------------------------------------------------------

BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
LITERAL = st.from_regex(r"'[^'\n\r\x00-\x1f\x7f]{0,6}'", fullmatch=True)
SCALARS = st.one_of(
    st.sampled_from(
        [
            "1",
            "-3.5e3",
            "true",
            "1979-05-27T07:32:00Z",
            "inf",
            '"a = b"',
            '"\\" ] }"',
            "'# [x]'",
            '"""\n[t]\nk = 1\n"""',
            '""""q""""',
            "'''\n'x' = \"\n'''",
            '""',
        ]
    ),
    LITERAL,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n# c ] \n" + ",\n".join(items) + "]"),
        st.dictionaries(BARE, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=5,
)
TABLES = st.dictionaries(BARE | LITERAL, VALUES, max_size=4)


@settings(max_examples=examples(0.6))
@given(st.dictionaries(BARE, TABLES, max_size=4))
def test_every_key_that_tomllib_finds_has_a_line(document: dict[str, dict[str, str]]) -> None:
    lines = []
    for table, entries in document.items():
        lines.append(f"[{table}] # = [")
        lines += [f"{key} = {value} # ]" for key, value in entries.items()]
    text = "\n".join(lines)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a bare and a quoted key of the same name
    found = key_lines(text)
    assert set(found) == set(keys_in(parsed))
    for key, number in found.items():
        if len(key) == 1:
            assert text.split("\n")[number - 1].startswith(f"[{key[0]}]")


def keys_in(value: Any, key: Key = ()) -> list[Key]:
    """Every path of keys, tables in arrays counted as their array's own."""
    if isinstance(value, dict):
        return [found for name, item in value.items() for found in [(*key, name), *keys_in(item, (*key, name))]]
    if isinstance(value, list):
        return [found for item in value for found in keys_in(item, key)]
    return []
