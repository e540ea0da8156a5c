-- What whoever decided wrote for people; where several say yes, each says it through something and may comment.
ALTER TABLE approvals ADD COLUMN comment TEXT;
ALTER TABLE votes ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE votes ADD COLUMN comment TEXT;

-- remind_minutes: how long after the question, and after each reminder, people are reminded; NULL: never
ALTER TABLE approvals ADD COLUMN remind_minutes REAL;
ALTER TABLE approvals ADD COLUMN remind_times INTEGER NOT NULL DEFAULT 0;

-- reminders: each that was given, written in the transaction of the event that tells of it
CREATE TABLE reminders (
    user TEXT NOT NULL,
    approval TEXT NOT NULL,
    number INTEGER NOT NULL,
    reminded_at TEXT NOT NULL,
    PRIMARY KEY (user, approval, number)
) STRICT;
