-- Containers can be paused: two more verbs. SQLite can't change a CHECK, so the table is made anew.
CREATE TABLE intent_new (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL REFERENCES tenant (name),
	container_id TEXT NOT NULL,
	verb TEXT NOT NULL CHECK (verb IN ('start', 'stop', 'restart', 'kill', 'remove', 'pause', 'unpause')),
	args TEXT NOT NULL,              -- JSON
	created_at INTEGER NOT NULL,
	done_at INTEGER,
	status INTEGER,                  -- HTTP status of the answer
	message TEXT                     -- of an error
) STRICT;
INSERT INTO intent_new SELECT * FROM intent;
-- A number that a client waits for is never given out again.
DELETE FROM sqlite_sequence WHERE name = 'intent_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'intent_new', seq FROM sqlite_sequence WHERE name = 'intent';
DROP TABLE intent;
ALTER TABLE intent_new RENAME TO intent;
CREATE INDEX intent_pending ON intent (seq) WHERE done_at IS NULL;
CREATE INDEX intent_done ON intent (done_at) WHERE done_at IS NOT NULL;
