"""The protocols that `tests.bench.protocol` compares, and the cases it compares them on."""
