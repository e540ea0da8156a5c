-- named_at: when a run last named an endpoint as its webhook; NULL for one that no run named since this column is there
ALTER TABLE endpoints ADD COLUMN named_at TEXT;
