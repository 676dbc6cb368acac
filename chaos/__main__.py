"""`python -m chaos`: the tools around the suite; the suite itself is pytest's."""

from __future__ import annotations

import sys

from chaos.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
