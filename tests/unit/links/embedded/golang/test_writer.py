from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.links.embedded.golang.fields import to_float32
from chaos.links.embedded.golang.writer import to_json
from tests.examples import examples


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1 / 3, "0.33333334"),
        (123456789.0, "123456790"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.17549e-38, "1.17549e-38"),
        (-2.5, "-2.5"),
    ],
)
def test_single_precision_numbers_look_as_in_go(number: float, text: str):
    assert to_json(to_float32(number)) == text


@settings(max_examples=examples(3))
@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_single_precision_number_survives(number: float):
    assert struct.pack("f", float(to_json(number))) == struct.pack("f", number)


def test_values_are_compact_in_order_and_safe_for_html():
    value = {"b": [True, None, 5], "a": '<&>\u2028\u2029é\x7f\x01\n"', "e": {}}
    assert to_json(value) == ('{"b":[true,null,5],"a":"\\u003c\\u0026\\u003e\\u2028\\u2029é\x7f\\u0001\\n\\"","e":{}}')
