-- Networks and volumes.

CREATE TABLE network (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL REFERENCES tenant (name),
	name TEXT NOT NULL,
	driver TEXT NOT NULL,
	predefined INTEGER NOT NULL,
	internal INTEGER NOT NULL,
	attachable INTEGER NOT NULL,
	enable_ipv6 INTEGER NOT NULL,
	ipam TEXT NOT NULL,              -- as inspect shows it, JSON
	options TEXT NOT NULL,           -- JSON object of strings
	labels TEXT NOT NULL,            -- JSON object of strings
	created_at INTEGER NOT NULL,
	UNIQUE (tenant, name)
) STRICT;

-- Every tenant has Docker's predefined networks, under ids of its own.
INSERT INTO network
SELECT lower(hex(randomblob(32))), t.name, n.name, n.driver, 1, 0, 0, 0, '{"Driver":"default","Options":null,"Config":[]}', '{}', '{}',
       unixepoch() * 1000000000
FROM tenant t, (SELECT 'bridge' AS name, 'bridge' AS driver UNION ALL SELECT 'host', 'host' UNION ALL SELECT 'none', 'null') n;

CREATE TRIGGER tenant_networks AFTER INSERT ON tenant
BEGIN
	INSERT INTO network
	SELECT lower(hex(randomblob(32))), NEW.name, n.name, n.driver, 1, 0, 0, 0, '{"Driver":"default","Options":null,"Config":[]}', '{}', '{}',
	       unixepoch() * 1000000000
	FROM (SELECT 'bridge' AS name, 'bridge' AS driver UNION ALL SELECT 'host', 'host' UNION ALL SELECT 'none', 'null') n;
END;

CREATE TABLE volume (
	tenant TEXT NOT NULL REFERENCES tenant (name),
	name TEXT NOT NULL,
	labels TEXT,                     -- JSON object of strings; NULL: none were given
	options TEXT,                    -- the same
	created_at INTEGER NOT NULL,
	PRIMARY KEY (tenant, name)
) STRICT;

-- Which container uses which volume; a container that is being removed uses none.
CREATE TABLE container_volume (
	container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
	tenant TEXT NOT NULL,
	volume TEXT NOT NULL,
	destination TEXT NOT NULL,
	anonymous INTEGER NOT NULL,      -- the client gave no name
	PRIMARY KEY (container_id, destination)
) STRICT;
CREATE INDEX container_volume_by_volume ON container_volume (tenant, volume);

ALTER TABLE container ADD COLUMN mounts TEXT NOT NULL DEFAULT '[]'; -- as inspect shows them, JSON
ALTER TABLE container ADD COLUMN remove_volumes INTEGER NOT NULL DEFAULT 0; -- anonymous volumes go with it (rm -v)

CREATE TRIGGER container_leaves_volumes AFTER UPDATE OF state ON container WHEN NEW.state = 'removing'
BEGIN
	INSERT INTO event (tenant, time, type, action, actor_id, attributes)
	SELECT NEW.tenant, NEW.state_since, 'volume', 'destroy', v.volume, '{"driver":"local"}'
	FROM container_volume v
	WHERE v.container_id = NEW.id AND v.anonymous AND (NEW.remove_volumes OR NEW.auto_remove OR OLD.state = 'creating')
	  AND NOT EXISTS (SELECT 1 FROM container_volume o WHERE o.tenant = v.tenant AND o.volume = v.volume AND o.container_id <> v.container_id);
	DELETE FROM volume WHERE tenant = NEW.tenant AND name IN (
		SELECT v.volume FROM container_volume v
		WHERE v.container_id = NEW.id AND v.anonymous AND (NEW.remove_volumes OR NEW.auto_remove OR OLD.state = 'creating')
		  AND NOT EXISTS (SELECT 1 FROM container_volume o WHERE o.tenant = v.tenant AND o.volume = v.volume AND o.container_id <> v.container_id));
	DELETE FROM container_volume WHERE container_id = NEW.id;
END;
