-- Every statement of the system. A line "-- name: X" starts one; it becomes
-- QUERY_X in C and is prepared once per process. Parameters are bound in the
-- order in which their names first appear.
--
-- Each statement over tenant data binds :tenant, unless it is marked
-- "-- system": then its keys come from the system itself (the gateway's hex
-- ids, sweeps). A statement whose plan may scan a table is marked "-- scan".

--------------------------------------------------------------- shared

-- name: begin
-- system
BEGIN IMMEDIATE;

-- name: commit
-- system
COMMIT;

-- name: rollback
-- system
ROLLBACK;

-- name: event_add
INSERT INTO event (tenant, time, type, action, actor_id, attributes)
VALUES (:tenant, :time, :type, :action, :actor_id, :attributes);

-- name: container_state
-- system
SELECT state FROM container WHERE id = :id;

-- name: container_set_state
-- system
UPDATE container SET state = :state, state_since = :now WHERE id = :id AND state = :from;

--------------------------------------------------------------- worker: containers

--------------------------------------------------------------- worker: images and create

-- name: image_reference_get
SELECT image_id FROM image_reference WHERE tenant = :tenant AND reference = :reference;

-- name: image_get
SELECT id, config, manifest_digest, size, pulled_at FROM image WHERE tenant = :tenant AND id = :id;

-- name: image_by_prefix
-- Two rows tell that a prefix is ambiguous.
SELECT id FROM image WHERE tenant = :tenant AND id >= :from AND id < :to LIMIT 2;

-- name: image_all
SELECT id, config, size, pulled_at FROM image WHERE tenant = :tenant;

-- name: image_references_all
SELECT image_id, reference FROM image_reference WHERE tenant = :tenant ORDER BY reference;

-- name: image_references
SELECT reference FROM image_reference WHERE tenant = :tenant AND image_id = :image_id ORDER BY reference;

-- name: image_add
INSERT INTO image (tenant, id, config, manifest_digest, size, pulled_at)
VALUES (:tenant, :id, :config, :manifest_digest, :size, :now)
ON CONFLICT (tenant, id) DO UPDATE SET manifest_digest = excluded.manifest_digest, size = excluded.size;

-- name: image_reference_set
INSERT INTO image_reference (tenant, reference, image_id) VALUES (:tenant, :reference, :image_id)
ON CONFLICT (tenant, reference) DO UPDATE SET image_id = excluded.image_id;

-- name: image_reference_delete
DELETE FROM image_reference WHERE tenant = :tenant AND reference = :reference;

-- name: image_delete
DELETE FROM image WHERE tenant = :tenant AND id = :id;

-- name: derived_get
SELECT uri FROM derived_image WHERE tenant = :tenant AND key = :key;

-- name: derived_set
INSERT INTO derived_image (tenant, key, image_id, uri) VALUES (:tenant, :key, :image_id, :uri)
ON CONFLICT (tenant, key) DO UPDATE SET uri = excluded.uri;

-- name: derived_delete
DELETE FROM derived_image WHERE tenant = :tenant AND image_id = :image_id;

-- name: image_user
-- A container that uses an image: a running one before others.
SELECT id, state FROM container WHERE tenant = :tenant AND image_id = :image_id AND state <> 'removing'
ORDER BY state IN ('running', 'starting') DESC LIMIT 1;

-- name: create_name_owner
SELECT id FROM container WHERE tenant = :tenant AND name = :name;

-- name: create_insert
INSERT INTO container (id, tenant, name, function_name, state, state_since, image_reference, image_id, image_uri,
  config, host_config, networking, spec, token, timeout, auto_remove, tty, open_stdin, stdin_once, created_at)
VALUES (:id, :tenant, :name, :function_name, 'creating', :now, :image_reference, :image_id, :image_uri,
  :config, :host_config, :networking, :spec, :token, :timeout, :auto_remove, :tty, :open_stdin, :stdin_once, :created_at);

-- name: create_unname
-- system
UPDATE container SET name = NULL WHERE id = :id;

--------------------------------------------------------------- gateway

--------------------------------------------------------------- reconciler

-- name: sweep_removing
-- system
SELECT id, function_name FROM container WHERE state = 'removing' AND id > :after ORDER BY id LIMIT 100;

-- name: sweep_stale
-- system
SELECT id FROM container WHERE state = 'creating' AND state_since < :before;

-- name: sweep_delete
-- system
DELETE FROM container WHERE id = :id AND state = 'removing';

-- name: sweep_function
-- system
SELECT id, state FROM container WHERE function_name = :name;

-- name: sweep_functions
-- system
-- scan
SELECT id, function_name, state FROM container WHERE state NOT IN ('creating', 'removing') AND state_since < :before;

-- name: sweep_intents
-- system
DELETE FROM intent WHERE done_at IS NOT NULL AND done_at < :before;

-- name: sweep_events
-- system
DELETE FROM event WHERE time < :before;

