"""Tests of the reference server: each file of it by itself, then the whole of it by real clients (`test_live_*.py`)."""
