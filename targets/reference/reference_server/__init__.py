"""A WebSocket server that keeps its promises when the network and its clients misbehave.

Read `parts.py` first (what there is), then `serve.py` (the life of one connection), then any other file by itself.
"""

from __future__ import annotations
