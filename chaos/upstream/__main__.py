"""`python -m chaos.upstream --port P --control C`: the scripted upstream by itself."""

from __future__ import annotations

from chaos.upstream.server import main

main()
