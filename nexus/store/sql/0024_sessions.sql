-- sessions: a browser in which a user logged in with their key; of its secret only the hash is kept, and
-- with the key it came from it ends
CREATE TABLE sessions (
    user TEXT NOT NULL,
    hash TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (user, hash)
) STRICT, WITHOUT ROWID;
