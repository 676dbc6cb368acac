"""The scripted dependency of a server under test, and the conductor's hand on it."""
