"""Readings of the truth that are not the agent's: what the server says of itself."""
