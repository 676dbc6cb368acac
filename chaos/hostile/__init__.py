"""Deliberately broken WebSocket: raw bytes over a plain socket, and what RFC 6455 and RFC 9110 allow as the answer."""

from __future__ import annotations
