-- metadata: what clients find threads by
ALTER TABLE threads ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

-- runs: what a server was asked to run in a thread, written before it begins; `owner` is the process that drives it
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    id TEXT NOT NULL,
    thread TEXT NOT NULL,
    assistant TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'success', 'error', 'timeout', 'interrupted')),
    strategy TEXT NOT NULL CHECK (strategy IN ('reject', 'enqueue', 'interrupt', 'rollback')),
    request TEXT NOT NULL,
    metadata TEXT NOT NULL,
    owner TEXT NOT NULL,
    stop TEXT CHECK (stop IN ('interrupt', 'rollback')),
    error TEXT,
    start_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (user, id)
) STRICT;

CREATE INDEX runs_thread ON runs (user, thread, number);
CREATE INDEX runs_open ON runs (user, number) WHERE status IN ('pending', 'running');

-- run_events: what a resumable stream told, for watchers that come back
CREATE TABLE run_events (
    user TEXT NOT NULL,
    run TEXT NOT NULL,
    number INTEGER NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (user, run, number)
) STRICT, WITHOUT ROWID;
