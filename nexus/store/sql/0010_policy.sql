-- superseded, who decides and how many of them; `CHECK` can only be changed with the table
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
        CHECK (state IN ('pending', 'approved', 'edited', 'rejected', 'responded', 'expired', 'superseded')),
    decided_at TEXT,
    decided_by TEXT,
    message TEXT,
    successor TEXT,
    toolkit TEXT,
    approvers TEXT NOT NULL DEFAULT '[]',
    approvals INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (user, id)
) STRICT;

INSERT INTO new_approvals (
    user, id, thread, call_id, attempt, tool, arguments, question, digest, reason, policy_version, origins,
    created_at, expires_at, state, decided_at, decided_by, message, successor, toolkit
)
SELECT
    user, id, thread, call_id, attempt, tool, arguments, question, digest, reason, policy_version, origins,
    created_at, expires_at, state, decided_at, decided_by, message, successor, toolkit
FROM approvals;
DROP TABLE approvals;
ALTER TABLE new_approvals RENAME TO approvals;

CREATE INDEX approvals_pending ON approvals (user, created_at) WHERE state = 'pending';
CREATE INDEX approvals_thread ON approvals (user, thread, created_at);

-- votes: who said yes where more than one has to
CREATE TABLE votes (
    user TEXT NOT NULL,
    approval TEXT NOT NULL,
    approver TEXT NOT NULL,
    voted_at TEXT NOT NULL,
    PRIMARY KEY (user, approval, approver)
) STRICT;

-- untrusted: what the call brought into its thread may be others' words
ALTER TABLE effects ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 1;
CREATE INDEX effects_thread ON effects (user, thread);

-- policies: the rules that users made for themselves
CREATE TABLE policies (
    user TEXT PRIMARY KEY,
    rules TEXT NOT NULL,
    changed_at TEXT NOT NULL
) STRICT;

-- jobs: what a thread is owed: a request that was accepted, or a decision to be carried out
CREATE TABLE jobs (
    user TEXT NOT NULL,
    thread TEXT NOT NULL,
    id TEXT NOT NULL,
    request TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (user, thread)
) STRICT;

-- Whatever was cut off before there were jobs is looked at once.
INSERT INTO jobs (user, thread, id, request, created_at) SELECT user, id, '', NULL, updated_at FROM threads;
