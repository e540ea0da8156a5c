-- experience: requests that approved calls have served, so that search finds their tools again
CREATE TABLE experience (
    number INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    tool TEXT NOT NULL,
    request TEXT NOT NULL,
    call TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX experience_user ON experience (user, tool, number);
