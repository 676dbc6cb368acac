"""Opens a trace for every connection and closes it where the client says goodbye, instead of in a `finally`.

Breaks leak-free: every connection that ends without a close frame (a reset, a FIN, a dead peer) leaves a file descriptor
behind. With well-behaved clients nothing shows; at the limit of open files the server stops accepting.
"""

from __future__ import annotations
