"""Pure rules: no I/O, no vendor import, no clock."""
