-- endpoints: where users are told what happened; `cursor` is the last event of the audit log dealt with for it
CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    medium TEXT NOT NULL CHECK (medium IN ('webhook', 'channel', 'slack')),
    may_decide INTEGER NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until TEXT,
    cursor INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    failing_since TEXT,
    disabled_at TEXT,
    disabled_because TEXT
) STRICT;

CREATE INDEX endpoints_user ON endpoints (user, created_at);

-- deliveries: one message for one endpoint; what is pending and due is tried
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    endpoint TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    message TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    next_at TEXT,
    last_at TEXT,
    status INTEGER,
    error TEXT,
    UNIQUE (endpoint, message)
) STRICT;

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_user ON deliveries (user, created_at);

-- attempts: how each try of a delivery ended
CREATE TABLE attempts (
    delivery TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    status INTEGER,
    error TEXT,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

-- links: each lets one person decide one approval; of its secret only the hash is kept
CREATE TABLE links (
    hash TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    approval_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    page_key TEXT NOT NULL,
    through TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT, WITHOUT ROWID;
