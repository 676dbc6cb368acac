"""A real SQL database, started with the server and ended with it, and the pool of sessions on it."""
