"""How Go quotes a character in an error message."""

from __future__ import annotations

__all__ = ["quote_byte"]

_NAMED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 39: "\\'", 92: "\\\\"}


def quote_byte(byte: int) -> str:
    """A byte of a JSON text, taken for the code point of the same number, in single quotes."""
    if byte in _NAMED:
        shown = _NAMED[byte]
    elif byte < 0x20 or byte == 0x7F:
        shown = f"\\x{byte:02x}"
    elif chr(byte).isprintable():
        shown = chr(byte)
    else:
        shown = f"\\u{byte:04x}"
    return f"'{shown}'"
