-- Restart policies: what a container's next start depends on.
ALTER TABLE container ADD COLUMN restart_pause INTEGER NOT NULL DEFAULT 0;    -- ms, the last one; 0: none yet
ALTER TABLE container ADD COLUMN restart_at INTEGER NOT NULL DEFAULT 0;       -- when the policy starts it; 0: it doesn't
ALTER TABLE container ADD COLUMN restart_failures INTEGER NOT NULL DEFAULT 0; -- starts in a row that Lambda failed
ALTER TABLE container ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;          -- a client ended its run

-- The signal that was sent for an intent: its event isn't told twice.
ALTER TABLE intent ADD COLUMN signal INTEGER NOT NULL DEFAULT 0;

-- State.Health as inspect shows it, JSON; '': there is no health check.
ALTER TABLE container ADD COLUMN health TEXT NOT NULL DEFAULT '';
ALTER TABLE container ADD COLUMN health_probe INTEGER NOT NULL DEFAULT 0; -- twice the number of the newest probe, one more when it ended
