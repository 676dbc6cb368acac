"""What the agent can be asked for, by subject; each module returns its operations by name."""
