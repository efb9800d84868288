-- When that signal was first sent: a stop's timeout runs from there, whatever became of the gateway meanwhile. 0: not yet.
ALTER TABLE intent ADD COLUMN signal_at INTEGER NOT NULL DEFAULT 0;
