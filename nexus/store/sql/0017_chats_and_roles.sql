-- chats: where a thread stood each time a client that sends the whole conversation was answered; `said` is a hash
-- of that conversation, `checkpoint` is null where a question was left open
CREATE TABLE chats (
    user TEXT NOT NULL,
    thread TEXT NOT NULL,
    number INTEGER NOT NULL,
    said TEXT NOT NULL,
    checkpoint TEXT,
    told INTEGER NOT NULL,
    PRIMARY KEY (user, thread, number)
) STRICT;

CREATE INDEX chats_said ON chats (user, said);

-- users: what they may do beyond what is their own; whoever has a key already may decide where a rule names them
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'approver'
    CHECK (role IN ('user', 'approver', 'admin'));
