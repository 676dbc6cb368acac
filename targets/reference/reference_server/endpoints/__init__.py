"""What the server offers: one endpoint, one file."""

from __future__ import annotations
