from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.links.embedded.golang.scanner import MAX_DEPTH, JsonError, Members, Number, scan
from tests.examples import examples


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"null", None),
        (b" true ", True),
        (b"-0.5e+3", Number("-0.5e+3")),
        (b'"a\\n\\u00e9\\ud83d\\ude00"', "a\né😀"),
        (b"[1, [], {}]", [Number("1"), [], Members([])]),
        (b'{"a": 1, "a": 2}', Members([("a", Number("1")), ("a", Number("2"))])),
        (b'"\xff"', "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_reads_a_value(text: bytes, value: object):
    assert scan(text) == value


@pytest.mark.parametrize("text", [b'{"a":1}}', b'{"a":1} {', b'{"a":1}\x00'])
def test_what_follows_the_first_value_is_not_looked_at(text: bytes):
    assert scan(text) == Members([("a", Number("1"))])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "EOF"),
        (b" \r\n\t", "EOF"),
        (b"{", "unexpected EOF"),
        (b" {", "unexpected EOF"),
        (b'"a', "unexpected EOF"),
        (b'"\\', "unexpected EOF"),
        (b'"\\u12', "unexpected EOF"),
        (b"tru", "unexpected EOF"),
        (b"1.", "unexpected EOF"),
        (b"/", "invalid character '/' looking for beginning of value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'{"a":}', "invalid character '}' looking for beginning of value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1e+x", "invalid character 'x' in exponent of numeric literal"),
        (b"nulx", "invalid character 'x' in literal null (expecting 'l')"),
        (b"f1", "invalid character '1' in literal false (expecting 'a')"),
        (b'"\x01"', "invalid character '\\x01' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"{'", "invalid character '\\'' looking for beginning of object key string"),
        (b"[" * (MAX_DEPTH + 1), "invalid character '[' exceeded max depth"),
    ],
)
def test_says_what_go_says(text: bytes, message: str):
    with pytest.raises(JsonError) as caught:
        scan(text)
    assert str(caught.value) == message


def test_nests_as_deep_as_it_says():
    scan(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def plain(value: object) -> object:
    """A scanned value as the json module would have it."""
    if isinstance(value, Members):
        return {key: plain(member) for key, member in value.pairs}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return json.loads(value) if isinstance(value, Number) else value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(value=JSON, indent=st.sampled_from([None, 2]))
def test_agrees_with_the_json_module_on_what_is_valid(value: object, indent: int | None):
    assert plain(scan(json.dumps(value, indent=indent).encode())) == value


@settings(max_examples=examples(2))
@given(text=st.text(alphabet='{}[]",:tfn01.eE-\\u ', max_size=12))
def test_agrees_with_the_json_module_on_what_is_not(text: str):
    try:
        expected, _ = json.JSONDecoder().raw_decode(text.lstrip(" "))
    except ValueError:
        with pytest.raises(JsonError):
            scan(text.encode())
    else:
        try:
            assert plain(scan(text.encode())) == expected
        except JsonError as error:
            # A value that goes on where the json module stops: 1. and 1e are numbers to be continued.
            assert text.strip()[:1] in "-0123456789", error  # noqa: PT017 - only some errors are right
