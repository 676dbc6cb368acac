"""Small, named ways to break the server; see README.md."""
