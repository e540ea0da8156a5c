-- users: who may come in over HTTP; their keys are not kept, only what tells one from another
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    key_hash TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;

-- Every row belongs to a user from here on; what was there is the owner's.
CREATE TABLE new_threads (
    user TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (user, id)
) STRICT;

INSERT INTO new_threads (user, id, title, created_at, updated_at)
SELECT 'owner', id, title, created_at, updated_at FROM threads;
DROP TABLE threads;
ALTER TABLE new_threads RENAME TO threads;

CREATE TABLE new_approvals (
    user TEXT NOT NULL,
    id TEXT NOT NULL,
    thread TEXT NOT NULL,
    call_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    question TEXT NOT NULL CHECK (question IN ('action', 'outcome', 'connect')),
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
    successor TEXT,
    PRIMARY KEY (user, id)
) STRICT;

INSERT INTO new_approvals (
    user, id, thread, call_id, attempt, tool, arguments, question, digest, reason, policy_version, origins,
    created_at, expires_at, state, decided_at, decided_by, message, successor
)
SELECT
    'owner', id, thread, call_id, attempt, tool, arguments, question, digest, reason, policy_version, origins,
    created_at, expires_at, state, decided_at, decided_by, message, successor
FROM approvals;
DROP TABLE approvals;
ALTER TABLE new_approvals RENAME TO approvals;

CREATE INDEX approvals_pending ON approvals (user, created_at) WHERE state = 'pending';
CREATE INDEX approvals_thread ON approvals (user, thread, created_at);

-- effects: `owner` is the process that claimed the attempt, `user` whose call it is
CREATE TABLE new_effects (
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    thread TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    approval_id TEXT,
    owner TEXT NOT NULL,
    claimed_at TEXT NOT NULL,
    outcome TEXT CHECK (outcome IN ('done', 'failed', 'refused', 'invalid', 'unconnected', 'unknown')),
    text TEXT,
    reference TEXT,
    settled_at TEXT,
    resolved_at TEXT,
    PRIMARY KEY (user, key)
) STRICT;

INSERT INTO new_effects (
    user, key, thread, tool, digest, approval_id, owner, claimed_at, outcome, text, reference, settled_at,
    resolved_at
)
SELECT
    'owner', key, thread, tool, digest, approval_id, owner, claimed_at, outcome, text, reference, settled_at,
    resolved_at
FROM effects;
DROP TABLE effects;
ALTER TABLE new_effects RENAME TO effects;

CREATE TABLE new_experience (
    number INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    tool TEXT NOT NULL,
    request TEXT NOT NULL,
    call TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (user, call)
) STRICT;

INSERT INTO new_experience (number, user, tool, request, call, created_at)
SELECT number, user, tool, request, call, created_at FROM experience;
DROP TABLE experience;
ALTER TABLE new_experience RENAME TO experience;

CREATE INDEX experience_user ON experience (user, tool, number);
