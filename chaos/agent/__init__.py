"""One small process in the target's network (and, where it is an init, pid) namespace: the harness's hands and eyes.

    hermetic, isolation     start it: in namespaces of its own, in a container's, or in none
    client, async_client    talk to it
    __main__, server        the process itself: JSON lines over a unix socket, any number of clients
    spawner, reaper         what it starts, and how that ended
    death, killing, orphans why nothing it started outlives it
    sockdiag, processes, counters, reading, sampler, recorder      readings of the truth
    nftables, network       kernel rules; sockets opened inside and handed out
    operations/             what it can be asked for

Standard library only, so that it runs on whatever Python a target's machine has. A process is always named by its pid
as /proc shows it: the pid namespace may be the agent's own, but /proc is the host's.

Importing this package imports nothing else: the agent starts from it in milliseconds.
"""
