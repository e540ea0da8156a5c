-- meta: the latest time ever recorded, so that a clock set back is noticed
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE threads (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    thread TEXT NOT NULL,
    call_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    question TEXT NOT NULL CHECK (question IN ('action', 'outcome')),
    digest TEXT NOT NULL,
    reason TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    origins TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'approved', 'edited', 'rejected', 'responded', 'expired')),
    decided_at TEXT,
    decided_by TEXT,
    message TEXT,
    successor TEXT
) STRICT;

CREATE INDEX approvals_pending ON approvals (created_at) WHERE state = 'pending';
CREATE INDEX approvals_thread ON approvals (thread, created_at);

-- effects: one row for each attempt of a call; no outcome means it was claimed and has not ended
CREATE TABLE effects (
    key TEXT PRIMARY KEY,
    thread TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    approval_id TEXT,
    owner TEXT NOT NULL,
    claimed_at TEXT NOT NULL,
    outcome TEXT CHECK (outcome IN ('done', 'failed', 'refused', 'invalid', 'unknown')),
    text TEXT,
    reference TEXT,
    settled_at TEXT,
    resolved_at TEXT
) STRICT;
