"""Running threads: start, decide, continue; one run a thread."""
