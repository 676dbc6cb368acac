"""Starting servers under test, with their proxy and their upstream, and ending all of it for certain.

    base                    what every runtime offers; the options
    selection               which runtime, why, and how to get the other
    processes, attached     the runtimes that take nothing but this machine
      ground                their state directory, agent and place
      placed_server, helpers    the server as a process; proxy and upstream
      agent_place, host     places to start processes in: an agent's namespaces, this machine
      leash, marks          why nothing outlives its owner: the kernel's hand, and a mark in the environment
    containers              the runtime that takes an engine
      engine, images, pull  finding it; images local, pulled under a deadline, built once
      owned                 containers and networks by Testcontainers, labelled with their owner
      container_parts, container_server, container_agent, reach    what is started in it, and how it is reached
      airgap/               an engine and its images where no registry is in reach
    owner, state, reaper    who owns what; removing what dead owners left
    health, ports, logs, environment, capabilities    small tools of all of them

Importing this package imports nothing else.
"""
