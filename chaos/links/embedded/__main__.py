"""`python -m chaos.links.embedded`."""

from __future__ import annotations

import sys

from chaos.links.embedded.command import main

if __name__ == "__main__":
    sys.exit(main())
