-- effects: where the call was sent, and what was known when its outcome became unknown: what a person says of it
-- later stands in `text`
ALTER TABLE effects ADD COLUMN toolkit TEXT;
ALTER TABLE effects ADD COLUMN account TEXT;
ALTER TABLE effects ADD COLUMN known TEXT;

CREATE INDEX effects_unknown ON effects (user, claimed_at) WHERE outcome = 'unknown' OR resolved_at IS NOT NULL;
