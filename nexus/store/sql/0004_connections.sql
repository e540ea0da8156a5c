-- toolkit: for a question of the kind `connect`, the app whose account is missing
ALTER TABLE approvals ADD COLUMN toolkit TEXT;

-- webhooks: those that were acted on, so that none is a second time
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    received_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
