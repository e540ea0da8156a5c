-- What users switched on and off themselves, and results that were too long to be shown whole.

CREATE TABLE toolkit_switches (
    user TEXT NOT NULL,
    toolkit TEXT NOT NULL,
    is_on INTEGER NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (user, toolkit)
) STRICT;

CREATE TABLE results (
    user TEXT NOT NULL,
    thread TEXT NOT NULL,
    id TEXT NOT NULL,
    call TEXT NOT NULL,
    tool TEXT NOT NULL,
    text TEXT NOT NULL,
    length INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (user, thread, id)
) STRICT;
CREATE UNIQUE INDEX results_by_call ON results (user, call);
