"""The status of a data pipeline, told over a WebSocket: the fourth incident, before its fix and after it."""
