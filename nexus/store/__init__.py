"""SQLite stores: approvals, ledger and threads in one file that is safe against power cuts; checkpoints in another."""
