"""The server of the second incident: a WebSocket gateway that asks a session service before it lets anybody in."""
