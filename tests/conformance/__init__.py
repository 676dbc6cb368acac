"""The same tests against Toxiproxy 2.12.0 and against the embedded proxy.

What differs on purpose is listed in `differences.py`, and shown in `test_differences.py`; everything else must be the
same. The tests of Toxiproxy itself need its server: see `servers.find_toxiproxy`. Without it they are skipped, and the
embedded proxy is still held to what they say.
"""
