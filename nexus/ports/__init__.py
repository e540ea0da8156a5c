"""What Nexus needs from the outside: one Protocol a file, the docstring is the contract."""
