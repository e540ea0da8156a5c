-- effects: what was sent, so that a person can be told of it; whether the call may simply be made again; how often
-- it was made
ALTER TABLE effects ADD COLUMN arguments TEXT;
ALTER TABLE effects ADD COLUMN repeatable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE effects ADD COLUMN tries INTEGER NOT NULL DEFAULT 1;

CREATE INDEX effects_open ON effects (user) WHERE outcome IS NULL;
