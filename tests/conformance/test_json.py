"""JSON as Go's encoding/json takes it."""

from __future__ import annotations

import pytest

from .servers import Server
from .wire import Wire

SYNTAX = [
    (b"", "EOF"),
    (b" \n", "EOF"),
    (b"{", "unexpected EOF"),
    (b'{"a":"\\', "unexpected EOF"),
    (b"nul", "unexpected EOF"),
    (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
    (b'{"a" 1}', "invalid character '1' after object key"),
    (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
    (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
    (b"[1,]", "invalid character ']' looking for beginning of value"),
    (b"[1 2]", "invalid character '2' after array element"),
    (b'{"a":01}', "invalid character '1' after object key:value pair"),
    (b'{"a":-}', "invalid character '}' in numeric literal"),
    (b'{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
    (b'{"a":1e}', "invalid character '}' in exponent of numeric literal"),
    (b'{"a":tx}', "invalid character 'x' in literal true (expecting 'r')"),
    (b'{"a":NaN}', "invalid character 'N' looking for beginning of value"),
    (b'{"a":"\\x"}', "invalid character 'x' in string escape code"),
    (b'{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"),
    (b'{"a":"\x01"}', "invalid character '\\x01' in string literal"),
    (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
    (b'{"a":\xc2\xad}', "invalid character 'Â' looking for beginning of value"),
]

SHAPE = [
    (b"[]", "json: cannot unmarshal array into Go"),
    (b"5x", "json: cannot unmarshal number into Go"),
    (b"truee", "json: cannot unmarshal bool into Go"),
    (b'{"name":5}', "json: cannot unmarshal number into Go"),
    (b'{"enabled":"yes","name":5}', "json: cannot unmarshal string into Go"),
    (b'{"enabled":1}', "json: cannot unmarshal number into Go"),
    (b'{"listen":{}}', "json: cannot unmarshal object into Go"),
    (b'{"Logger":5}', "json: cannot unmarshal number into Go"),
]


@pytest.mark.parametrize(("body", "why"), SYNTAX + SHAPE)
def test_what_a_proxy_cannot_be_made_of(server: Server, body: bytes, why: str):
    answer = server.request("POST", "/proxies", body)
    assert (answer.status, answer.error) == (400, f"bad request body: {why}")


@pytest.mark.parametrize("body", [b"null", b'{"a":1}}', b'{"name":null}', b'{"a":"\\ud800"}'])
def test_what_is_json_but_names_no_proxy(server: Server, body: bytes):
    answer = server.request("POST", "/proxies", body)
    assert (answer.status, answer.error) == (400, "missing required field: name")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"A<>&\\u2028\\u00e9\\/", "A\\u003c\\u003e\\u0026\\u2028é/"),
        (b"\\u0001\\n\\b\\u007f", "\\u0001\\n\\b\x7f"),
        (b"\\ud83d\\ude00 \\ud800", "😀 \N{REPLACEMENT CHARACTER}"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
    ],
)
def test_odd_characters(server: Server, name: bytes, shown: str):
    body = b'{"NAME": "first", "na\\u006de": "' + name + b'", "upstream": "u", "enabled": false} trailing'
    answer = server.request("POST", "/proxies", body)
    expected = f'{{"name":"{shown}","listen":"","upstream":"u","enabled":false,"Logger":{{}},"toxics":[]}}'
    assert (answer.status, answer.text) == (201, expected)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (b"5", "number into Go"),
        (b"[]", "array into Go"),
        (b'{"latency":"x"}', "string into Go"),
        (b'{"latency":true}', "bool into Go"),
        (b'{"latency":{}}', "object into Go"),
        (b'{"latency":1.5}', "number 1.5 into Go"),
        (b'{"latency":1e3}', "number 1e3 into Go"),
        (b'{"latency":9223372036854775808}', "number 9223372036854775808 into Go"),
    ],
)
def test_what_attributes_cannot_be(wire: Wire, attributes: bytes, why: str):
    expected = (400, f"bad request body: json: cannot unmarshal {why}")
    body = b'{"type": "latency", "attributes": ' + attributes + b"}"
    answer = wire.server.request("POST", f"{wire.path}/toxics", body)
    assert (answer.status, answer.error) == expected
    toxic = wire.add("latency")
    answer = wire.server.request("PATCH", toxic, b'{"attributes": ' + attributes + b"}")
    assert (answer.status, answer.error) == expected


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1", "1"),
        ("7", "7"),
        ("-0", "-0"),
        ("0.1", "0.1"),
        ("0.33333333333", "0.33333334"),
        ("123456789", "123456790"),
        ("0.000001", "0.000001"),
        ("1e-7", "1e-7"),
        ("1e-50", "0"),
        ("1e20", "100000000000000000000"),
        ("1E21", "1e+21"),
    ],
)
def test_toxicity_is_single_precision(wire: Wire, written: str, shown: str):
    answer = wire.server.request("POST", f"{wire.path}/toxics", f'{{"type":"noop","toxicity":{written}}}'.encode())
    assert answer.text == (
        f'{{"attributes":{{}},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":{shown}}}'
    )


def test_toxicity_out_of_range(wire: Wire):
    answer = wire.server.request("POST", f"{wire.path}/toxics", b'{"type": "noop", "toxicity": 1e39}')
    assert (answer.status, answer.error) == (400, "bad request body: json: cannot unmarshal number 1e39 into Go")
