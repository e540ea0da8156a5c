"""Where memories are kept: one store a file, all behind `nexus.ports.memory`."""
