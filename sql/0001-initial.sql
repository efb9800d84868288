-- The first schema. Times are nanoseconds since the epoch. Every table that
-- holds something a client can name carries its tenant.

CREATE TABLE tenant (
	name TEXT PRIMARY KEY,
	created_at INTEGER NOT NULL
) STRICT;

INSERT INTO tenant (name, created_at) VALUES ('local', 0);

-- An image whose blobs are in our registry, in the repository <prefix>/<tenant>.
CREATE TABLE image (
	tenant TEXT NOT NULL REFERENCES tenant (name),
	id TEXT NOT NULL,                -- sha256:<digest of the config>
	config TEXT NOT NULL,            -- the image's config, JSON, byte for byte
	manifest_digest TEXT NOT NULL,   -- of the single-platform manifest in our registry
	size INTEGER NOT NULL,           -- bytes of all layers, compressed
	pulled_at INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT;

-- What names an image: name:tag or name@digest, normalised (docker.io/library/busybox:latest).
CREATE TABLE image_reference (
	tenant TEXT NOT NULL,
	reference TEXT NOT NULL,
	image_id TEXT NOT NULL,
	PRIMARY KEY (tenant, reference),
	FOREIGN KEY (tenant, image_id) REFERENCES image (tenant, id)
) STRICT;
CREATE INDEX image_reference_by_image ON image_reference (tenant, image_id);

-- The Lambda form of an image: its layers and the agent's. key: see lib/registry/derive.h.
CREATE TABLE derived_image (
	tenant TEXT NOT NULL REFERENCES tenant (name),
	key TEXT NOT NULL,
	image_id TEXT NOT NULL,
	uri TEXT NOT NULL,
	PRIMARY KEY (tenant, key)
) STRICT;
CREATE INDEX derived_image_by_image ON derived_image (tenant, image_id);

-- State: lib/lifecycle.def. A container being removed has no name any more and is in no list.
CREATE TABLE container (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL REFERENCES tenant (name),
	name TEXT,                       -- without the slash
	function_name TEXT NOT NULL UNIQUE,
	state TEXT NOT NULL,
	state_since INTEGER NOT NULL,
	image_reference TEXT NOT NULL,   -- as the client wrote it
	image_id TEXT NOT NULL,
	image_uri TEXT NOT NULL,         -- of the derived image
	config TEXT NOT NULL,            -- Config as inspect shows it, JSON
	host_config TEXT NOT NULL,       -- HostConfig as inspect shows it, JSON
	networking TEXT NOT NULL,        -- EndpointsConfig, JSON
	spec TEXT NOT NULL,              -- the process for the agent (doc/ARCHITECTURE.md, "spec"), JSON
	token TEXT NOT NULL,             -- the agent's secret
	timeout INTEGER NOT NULL,        -- seconds, the function's
	auto_remove INTEGER NOT NULL,
	tty INTEGER NOT NULL,
	open_stdin INTEGER NOT NULL,
	stdin_once INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	run_id TEXT,                     -- the newest run
	-- Of the newest run, as inspect and list show it.
	started_at INTEGER NOT NULL DEFAULT 0,
	finished_at INTEGER NOT NULL DEFAULT 0,
	exit_code INTEGER NOT NULL DEFAULT 0,
	pid INTEGER NOT NULL DEFAULT 0,
	oom_killed INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	restart_count INTEGER NOT NULL DEFAULT 0,
	UNIQUE (tenant, name)
) STRICT;
CREATE INDEX container_by_tenant ON container (tenant, created_at);
CREATE INDEX container_by_state ON container (state, state_since);
CREATE INDEX container_by_image ON container (tenant, image_id);

-- One start of a container: one Invoke at most.
CREATE TABLE run (
	id TEXT PRIMARY KEY,             -- 32 hex digits; stands in the agent's URL
	tenant TEXT NOT NULL REFERENCES tenant (name),
	container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
	number INTEGER NOT NULL,         -- 1, 2, ... within the container; stands in spool records
	nonce TEXT NOT NULL,             -- reaches the agent in the Invoke payload only
	phase TEXT NOT NULL CHECK (phase IN ('prepared', 'invoke_sent', 'claimed', 'started', 'ended')),
	agent TEXT NOT NULL DEFAULT 'expected' CHECK (agent IN ('expected', 'connected', 'lost', 'ended')),
	session_hash TEXT,               -- hex SHA-256 of the session secret the agent chose
	stdin_attached INTEGER NOT NULL DEFAULT 0, -- a client's stdin was connected to it
	request_id TEXT,
	log_stream TEXT,
	prepared_at INTEGER NOT NULL,
	invoked_at INTEGER,
	started_at INTEGER,
	finished_at INTEGER,
	exit_code INTEGER,
	error TEXT,
	billed_ms INTEGER,
	memory_peak_mb INTEGER,
	UNIQUE (container_id, number)
) STRICT;
CREATE INDEX run_unfinished ON run (phase) WHERE phase <> 'ended';

CREATE TABLE exec (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL REFERENCES tenant (name),
	container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
	run_id TEXT NOT NULL,
	config TEXT NOT NULL,            -- the create body, JSON
	detach_keys TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL CHECK (state IN ('created', 'starting', 'running', 'exited')),
	pid INTEGER NOT NULL DEFAULT 0,
	exit_code INTEGER,               -- NULL until it ended
	stream INTEGER,                  -- of the wire, within the run
	created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX exec_by_container ON exec (container_id);

-- What a client asked for and the gateway does. The row is the command; the
-- gateway writes status and message when it is done, and the client that
-- waits is answered with them.
CREATE TABLE intent (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL REFERENCES tenant (name),
	container_id TEXT NOT NULL,
	verb TEXT NOT NULL CHECK (verb IN ('start', 'stop', 'restart', 'kill', 'remove')),
	args TEXT NOT NULL,              -- JSON
	created_at INTEGER NOT NULL,
	done_at INTEGER,
	status INTEGER,                  -- HTTP status of the answer
	message TEXT                     -- of an error
) STRICT;
CREATE INDEX intent_pending ON intent (seq) WHERE done_at IS NULL;
CREATE INDEX intent_done ON intent (done_at) WHERE done_at IS NOT NULL;

-- Docker's events, in the transaction of what they tell.
CREATE TABLE event (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL REFERENCES tenant (name),
	time INTEGER NOT NULL,
	type TEXT NOT NULL,              -- container, image
	action TEXT NOT NULL,
	actor_id TEXT NOT NULL,
	attributes TEXT NOT NULL         -- JSON object of strings
) STRICT;
CREATE INDEX event_by_time ON event (tenant, time);
CREATE INDEX event_expiry ON event (time);
