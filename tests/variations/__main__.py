"""Draw the variations anew: `python -m tests.variations`. Each is a target file in targets/variations."""

from __future__ import annotations

from tests.variations.pinning import pin

if __name__ == "__main__":
    for file in pin():
        print(file.name)
