"""The page's colours can be read, in light and in dark (WCAG 2.2, 1.4.3: at least 4.5 to 1 for text)."""

from __future__ import annotations

import re

import pytest

import chaos.report.html as html

ENOUGH = 4.5
WHITE = "#ffffff"
STYLES = (html._HERE / "report.css").read_text(encoding="utf-8")
COLOURS = dict(re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", STYLES))


def colour(name: str, *, dark: bool) -> str:
    return name if name.startswith("#") else COLOURS[name].split(", ")[dark]


def luminance(hexadecimal: str) -> float:
    channels = (int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "page"),
        ("ink", "card"),
        ("ink", "violated-soft"),
        ("ink", "inconclusive-soft"),
        ("ink", "held-soft"),
        ("ink", "told"),
        ("quiet", "page"),
        ("quiet", "card"),
        ("link", "card"),
        ("held", "held-soft"),
        ("held", "card"),
        ("violated", "card"),
        ("inconclusive", "inconclusive-soft"),
        ("skipped", "page"),
        ("fault", "card"),
        (WHITE, "violated-solid"),
    ],
)
def test_contrast(text: str, ground: str, dark: bool) -> None:
    first, second = sorted((luminance(colour(text, dark=dark)), luminance(colour(ground, dark=dark))))
    assert (second + 0.05) / (first + 0.05) >= ENOUGH
