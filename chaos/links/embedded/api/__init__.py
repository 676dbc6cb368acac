"""Toxiproxy 2.12's HTTP API, and `/connections`, which is ours."""
