"""The hub of the fifth incident, in Python: every client has a read pump and a write pump, as it had in Go."""
