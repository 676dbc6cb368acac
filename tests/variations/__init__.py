"""Thirty ways of setting the reference server that break nothing: no scenario may go red on any of them."""
