-- a thread's own events, for its timeline
CREATE INDEX audit_thread ON audit (thread, number) WHERE thread IS NOT NULL;
