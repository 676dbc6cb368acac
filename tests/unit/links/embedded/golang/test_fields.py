from __future__ import annotations

import pytest

from chaos.links.embedded.golang.fields import (
    BOOL,
    FLOAT32,
    INT64,
    STRING,
    Field,
    decode,
    decode_list,
    nested_object,
)
from chaos.links.embedded.golang.scanner import JsonError, Members, scan

FIELDS = (
    Field("name", STRING, "T.name"),
    Field("on", BOOL, "T.on"),
    Field("count", INT64, "T.count"),
    Field("share", FLOAT32, "T.share"),
    Field("more", nested_object("pkg.More"), "T.more"),
)


def read(text: str) -> dict[str, object]:
    return decode(scan(text.encode()), FIELDS, struct_name="pkg.T")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("{}", {}),
        ("null", {}),
        ('{"name": "x", "on": true, "count": -5}', {"name": "x", "on": True, "count": -5}),
        ('{"NAME": "x", "\u017fhare": 1}', {"name": "x", "share": 1.0}),
        ('{"name": "x", "Name": "y"}', {"name": "y"}),
        ('{"name": null, "count": null}', {}),
        ('{"unknown": {"name": 5}}', {}),
        ('{"share": 0.1}', {"share": 0.10000000149011612}),
        ('{"share": 1e-50}', {"share": 0.0}),
        ('{"count": 9223372036854775807}', {"count": 2**63 - 1}),
        ('{"more": {"a": true}}', {"more": Members([("a", True)])}),
        ('{"name": "\\ud800x"}', {"name": "\N{REPLACEMENT CHARACTER}x"}),
    ],
)
def test_takes_what_go_takes(text: str, fields: dict[str, object]):
    assert read(text) == fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", "json: cannot unmarshal number into Go value of type pkg.T"),
        ("[]", "json: cannot unmarshal array into Go value of type pkg.T"),
        ('{"name": 5}', "json: cannot unmarshal number into Go struct field T.name of type string"),
        ('{"name": {}}', "json: cannot unmarshal object into Go struct field T.name of type string"),
        ('{"on": "yes"}', "json: cannot unmarshal string into Go struct field T.on of type bool"),
        ('{"on": 1}', "json: cannot unmarshal number into Go struct field T.on of type bool"),
        ('{"count": true}', "json: cannot unmarshal bool into Go struct field T.count of type int64"),
        ('{"count": "5"}', "json: cannot unmarshal string into Go struct field T.count of type int64"),
        ('{"count": 1.0}', "json: cannot unmarshal number 1.0 into Go struct field T.count of type int64"),
        ('{"count": 1e3}', "json: cannot unmarshal number 1e3 into Go struct field T.count of type int64"),
        (
            '{"count": 9223372036854775808}',
            "json: cannot unmarshal number 9223372036854775808 into Go struct field T.count of type int64",
        ),
        ('{"share": 1e39}', "json: cannot unmarshal number 1e39 into Go struct field T.share of type float32"),
        ('{"share": 1e999}', "json: cannot unmarshal number 1e999 into Go struct field T.share of type float32"),
        ('{"more": []}', "json: cannot unmarshal array into Go struct field T.more of type pkg.More"),
    ],
)
def test_refuses_in_go_s_words(text: str, message: str):
    with pytest.raises(JsonError) as caught:
        read(text)
    assert str(caught.value) == message


def test_a_number_of_five_thousand_digits_is_refused_too():
    with pytest.raises(JsonError, match="cannot unmarshal number 9999"):
        read('{"count": ' + "9" * 5000 + "}")


def test_lists():
    assert decode_list(scan(b"[1, null]"), type_name="[]T") == ["1", None]
    assert decode_list(None, type_name="[]T") == []
    with pytest.raises(JsonError, match=r"^json: cannot unmarshal object into Go value of type \[\]T$"):
        decode_list(scan(b"{}"), type_name="[]T")
