"""The conductor: a process of its own that fires faults, stamps times, runs the canary and owns the crowd workers."""
