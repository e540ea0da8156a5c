"""SQLite stores: approvals, ledger and threads in one file; checkpoints in another."""
