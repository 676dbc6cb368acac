"""What a chaos experiment on a WebSocket server is made of.

The floors, lowest first; a lower one never imports a higher one:

    errors, units, journal, rpc, contract, target, capability
    links, agent, probes, crowd, faults, runtime, upstream
    conductor, experiment
    expectations
    report
    (fixtures/ and tests/: the pytest side)

Importing this package imports nothing else: the agent and the embedded proxy start from it in milliseconds.
"""
