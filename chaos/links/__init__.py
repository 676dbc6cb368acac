"""Network paths: the module that talks to Toxiproxy, and the embedded proxy with the same HTTP API.

Importing this package imports nothing else: the embedded proxy starts from it in milliseconds.
"""
