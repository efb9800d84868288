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

-- What a client can see: neither what is not created yet nor what is being removed.

-- name: container_by_id
SELECT id, name, state, image_reference, image_id, config, host_config, networking, tty, open_stdin,
       created_at, run_id, started_at, finished_at, exit_code, pid, oom_killed, error, restart_count,
       ifnull(network_mode, json_extract(host_config, '$.NetworkMode')), ifnull(args, json_extract(spec, '$.args')),
       CASE WHEN state IN ('running', 'paused') THEN (SELECT json_group_array(e.id) FROM exec e
            WHERE e.container_id = container.id AND e.tenant = container.tenant AND e.state IN ('starting', 'running')) END, mounts, restart_at, health
FROM container WHERE tenant = :tenant AND id = :id AND state NOT IN ('creating', 'removing');

-- name: container_by_name
SELECT id, name, state, image_reference, image_id, config, host_config, networking, tty, open_stdin,
       created_at, run_id, started_at, finished_at, exit_code, pid, oom_killed, error, restart_count,
       ifnull(network_mode, json_extract(host_config, '$.NetworkMode')), ifnull(args, json_extract(spec, '$.args')),
       CASE WHEN state IN ('running', 'paused') THEN (SELECT json_group_array(e.id) FROM exec e
            WHERE e.container_id = container.id AND e.tenant = container.tenant AND e.state IN ('starting', 'running')) END, mounts, restart_at, health
FROM container WHERE tenant = :tenant AND name = :name AND state NOT IN ('creating', 'removing');

-- The plus keeps the range over the primary key, instead of all that the tenant has.
-- name: container_by_prefix
SELECT id FROM container
WHERE +tenant = :tenant AND id >= :prefix AND id < :end AND state NOT IN ('creating', 'removing') LIMIT 2;

-- name: container_list
SELECT id, name, state, image_reference, image_id,
       ifnull(labels, json_extract(config, '$.Labels')), ifnull(exposed, json_extract(config, '$.ExposedPorts')),
       ifnull(network_mode, json_extract(host_config, '$.NetworkMode')), networking, ifnull(args, json_extract(spec, '$.args')),
       created_at, started_at, finished_at, exit_code, mounts, restart_at, json_extract(nullif(health, ''), '$.Status'),
       CASE WHEN :with_host_config THEN host_config END
FROM container
WHERE tenant = :tenant AND state NOT IN ('creating', 'removing') AND (:every_state OR state IN ('running', 'paused', 'restarting') OR restart_at)
ORDER BY created_at DESC, id DESC;

-- name: container_counts
SELECT count(*), ifnull(sum(state = 'running'), 0), ifnull(sum(state = 'paused'), 0) FROM container
WHERE tenant = :tenant AND state NOT IN ('creating', 'removing');

-- A name is taken by a container that is being created, too.
-- name: container_name_owner
SELECT id FROM container WHERE tenant = :tenant AND name = :name;

-- name: container_rename
UPDATE container SET name = :name
WHERE tenant = :tenant AND id = :id AND state NOT IN ('creating', 'removing');

-- name: container_set_host_config
UPDATE container SET host_config = :host_config WHERE tenant = :tenant AND id = :id AND state NOT IN ('creating', 'removing');

-- name: container_function
SELECT function_name FROM container WHERE tenant = :tenant AND id = :id AND state NOT IN ('creating', 'removing');

-- name: container_image_size
SELECT size FROM image WHERE tenant = :tenant AND id = :id;

-- name: container_image_uri
SELECT image_uri, function_name FROM container WHERE tenant = :tenant AND id = :id;

-- name: container_set_image_uri
UPDATE container SET image_uri = :uri WHERE tenant = :tenant AND id = :id;

-- name: info_images
SELECT count(*) FROM image WHERE tenant = :tenant;

-- name: intent_add
INSERT INTO intent (tenant, container_id, verb, args, created_at) VALUES (:tenant, :container, :verb, :args, :now);

-- name: exec_add
INSERT INTO exec (id, tenant, container_id, run_id, config, detach_keys, state, created_at)
VALUES (:id, :tenant, :container, :run, :config, :detach_keys, 'created', :now);

-- name: exec_get
SELECT e.id, e.container_id, e.run_id, e.config, e.detach_keys, e.state, e.pid, e.exit_code, c.state, c.run_id
FROM exec e JOIN container c ON c.id = e.container_id
WHERE e.tenant = :tenant AND e.id = :id AND c.tenant = e.tenant AND c.state NOT IN ('creating', 'removing');

-- An agent names its run and proves it by the container's token and the run's nonce.
-- name: agent_run
-- system
SELECT r.phase, r.nonce, r.session_hash, c.token, c.state, c.run_id
FROM run r JOIN container c ON c.id = r.container_id WHERE r.id = :id;

-- name: agent_claim
-- system
UPDATE run SET session_hash = :session_hash, phase = 'claimed'
WHERE id = :id AND phase = 'invoke_sent' AND session_hash IS NULL;

--------------------------------------------------------------- worker: images and create

-- name: image_reference_get
SELECT image_id FROM image_reference WHERE tenant = :tenant AND reference = :reference;

-- name: image_get
SELECT id, config, manifest_digest, size, pulled_at, manifest_type, manifest_size FROM image WHERE tenant = :tenant AND id = :id;

-- name: image_by_prefix
-- Two rows tell that a prefix is ambiguous.
SELECT id FROM image WHERE tenant = :tenant AND id >= :from AND id < :to LIMIT 2;

-- name: image_all
SELECT id, config, size, pulled_at, manifest_digest, manifest_type, manifest_size FROM image WHERE tenant = :tenant;

-- name: image_references_all
SELECT image_id, reference FROM image_reference WHERE tenant = :tenant ORDER BY reference;

-- The plus keeps the search by image, instead of all that the tenant has.
-- name: image_references
SELECT reference FROM image_reference WHERE tenant = :tenant AND image_id = :image_id ORDER BY +reference;

-- name: image_add
INSERT INTO image (tenant, id, config, manifest_digest, size, pulled_at, manifest_type, manifest_size)
VALUES (:tenant, :id, :config, :manifest_digest, :size, :now, :manifest_type, :manifest_size)
ON CONFLICT (tenant, id) DO UPDATE SET manifest_digest = excluded.manifest_digest, size = excluded.size,
  manifest_type = excluded.manifest_type, manifest_size = excluded.manifest_size;

-- name: image_layer_set
INSERT INTO image_layer (tenant, image_id, position, diff_id, digest, size, unpacked)
VALUES (:tenant, :image_id, :position, :diff_id, :digest, :size, :unpacked)
ON CONFLICT (tenant, image_id, position) DO UPDATE SET digest = excluded.digest, size = excluded.size,
  unpacked = CASE WHEN excluded.unpacked > 0 THEN excluded.unpacked ELSE unpacked END;

-- name: image_layers
SELECT diff_id, digest, size, unpacked FROM image_layer WHERE tenant = :tenant AND image_id = :image_id ORDER BY position;

-- name: image_layer_measured
UPDATE image_layer SET unpacked = :unpacked WHERE tenant = :tenant AND digest = :digest;

-- name: image_layers_all
SELECT image_id, digest, size FROM image_layer WHERE tenant = :tenant ORDER BY image_id, position;

-- name: image_reference_set
INSERT INTO image_reference (tenant, reference, image_id) VALUES (:tenant, :reference, :image_id)
ON CONFLICT (tenant, reference) DO UPDATE SET image_id = excluded.image_id;

-- name: image_reference_tagged
UPDATE image_reference SET tagged_at = :now WHERE tenant = :tenant AND reference = :reference;

-- name: image_tagged_at
SELECT ifnull(max(tagged_at), 0) FROM image_reference WHERE tenant = :tenant AND image_id = :image_id;

-- A digest that names the image already is left alone, and so is one that names another.
-- name: image_reference_keep
INSERT INTO image_reference (tenant, reference, image_id) VALUES (:tenant, :reference, :image_id)
ON CONFLICT (tenant, reference) DO NOTHING;

-- name: image_references_between
SELECT reference FROM image_reference
WHERE tenant = :tenant AND reference >= :begin AND reference < :end ORDER BY reference LIMIT 1000;

-- name: image_reference_delete
DELETE FROM image_reference WHERE tenant = :tenant AND reference = :reference;

-- name: image_delete
DELETE FROM image WHERE tenant = :tenant AND id = :id;

-- name: pulled_layer_get
SELECT stored, size FROM pulled_layer WHERE tenant = :tenant AND digest = :digest;

-- name: pulled_layer_elsewhere
-- system
SELECT tenant FROM pulled_layer WHERE tenant <> :tenant AND digest = :digest LIMIT 1;

-- name: pulled_layer_add
INSERT INTO pulled_layer (tenant, digest, stored, size) VALUES (:tenant, :digest, :stored, :size)
ON CONFLICT (tenant, digest) DO UPDATE SET stored = excluded.stored, size = excluded.size;

-- name: derived_get
SELECT uri, warnings FROM derived_image WHERE tenant = :tenant AND key = :key;

-- name: derived_used
UPDATE derived_image SET used_at = :now WHERE tenant = :tenant AND key = :key AND used_at < :now - 60000000000;

-- An image's manifest and those of its derived images, when it is deleted.
-- name: garbage_add_image
INSERT INTO registry_garbage (tenant, digest, uri, since)
SELECT tenant, manifest_digest, '', :now FROM image WHERE tenant = :tenant AND id = :image_id
ON CONFLICT (tenant, digest) DO UPDATE SET since = excluded.since;

-- name: garbage_add_derived
INSERT INTO registry_garbage (tenant, digest, uri, since)
SELECT tenant, substr(uri, instr(uri, '@') + 1), uri, :now FROM derived_image WHERE tenant = :tenant AND image_id = :image_id
ON CONFLICT (tenant, digest) DO UPDATE SET since = excluded.since;

-- name: garbage_forget
DELETE FROM registry_garbage WHERE tenant = :tenant AND digest = :digest;

-- name: derived_forget
DELETE FROM derived_image WHERE tenant = :tenant AND uri = :uri;

-- name: derived_set
INSERT INTO derived_image (tenant, key, image_id, uri, warnings, used_at) VALUES (:tenant, :key, :image_id, :uri, :warnings, :now)
ON CONFLICT (tenant, key) DO UPDATE SET uri = excluded.uri, warnings = excluded.warnings, used_at = excluded.used_at;

-- name: derived_delete
DELETE FROM derived_image WHERE tenant = :tenant AND image_id = :image_id;

-- name: image_user
-- A container that uses an image: a running one before others.
SELECT id, state FROM container WHERE tenant = :tenant AND image_id = :image_id AND state <> 'removing'
ORDER BY state IN ('running', 'starting', 'paused', 'restarting') DESC LIMIT 1;

-- By the image: the index that has the order has all containers of the tenant.
-- name: image_containers
SELECT id FROM container WHERE tenant = :tenant AND image_id = :image_id AND state NOT IN ('creating', 'removing') ORDER BY +created_at DESC;

-- name: create_insert
INSERT INTO container (id, tenant, name, function_name, state, state_since, image_reference, image_id, image_uri,
  config, host_config, networking, spec, token, timeout, auto_remove, tty, open_stdin, stdin_once, created_at, mounts,
  args, network_mode, labels, exposed)
VALUES (:id, :tenant, :name, :function_name, 'creating', :now, :image_reference, :image_id, :image_uri,
  :config, :host_config, :networking, :spec, :token, :timeout, :auto_remove, :tty, :open_stdin, :stdin_once, :created_at, :mounts,
  ifnull(json_extract(:spec, '$.args'), ''), ifnull(json_extract(:host_config, '$.NetworkMode'), ''),
  ifnull(json_extract(:config, '$.Labels'), ''), ifnull(json_extract(:config, '$.ExposedPorts'), ''));

-- name: create_unname
-- system
UPDATE container SET name = NULL WHERE id = :id;

--------------------------------------------------------------- worker: networks and volumes

-- name: network_by_id
SELECT id, name, driver, predefined, internal, attachable, enable_ipv6, ipam, options, labels, created_at
FROM network WHERE tenant = :tenant AND id = :id;

-- name: network_by_name
SELECT id, name, driver, predefined, internal, attachable, enable_ipv6, ipam, options, labels, created_at
FROM network WHERE tenant = :tenant AND name = :name;

-- name: network_by_prefix
SELECT id FROM network WHERE +tenant = :tenant AND id >= :prefix AND id < :end LIMIT 2;

-- name: network_list
SELECT id, name, driver, predefined, internal, attachable, enable_ipv6, ipam, options, labels, created_at
FROM network WHERE tenant = :tenant ORDER BY name;

-- name: network_add
INSERT INTO network (id, tenant, name, driver, predefined, internal, attachable, enable_ipv6, ipam, options, labels, created_at)
VALUES (:id, :tenant, :name, :driver, 0, :internal, :attachable, :enable_ipv6, :ipam, :options, :labels, :now);

-- name: network_delete
DELETE FROM network WHERE tenant = :tenant AND id = :id;

-- Containers on a network, with what they asked of it.
-- name: network_members
-- scan
SELECT c.id, c.name, c.state, n.value FROM container c, json_each(c.networking) n
WHERE c.tenant = :tenant AND n.key = :name AND c.state NOT IN ('creating', 'removing') ORDER BY c.created_at, c.id;

-- name: container_set_networking
UPDATE container SET networking = :networking WHERE tenant = :tenant AND id = :id;

-- name: volume_get
SELECT name, labels, options, created_at,
       (SELECT count(*) FROM container_volume u WHERE u.tenant = volume.tenant AND u.volume = volume.name)
FROM volume WHERE tenant = :tenant AND name = :name;

-- name: volume_list
SELECT name, labels, options, created_at,
       (SELECT count(*) FROM container_volume u WHERE u.tenant = volume.tenant AND u.volume = volume.name)
FROM volume WHERE tenant = :tenant ORDER BY name;

-- name: volume_add
INSERT INTO volume (tenant, name, labels, options, created_at) VALUES (:tenant, :name, :labels, :options, :now)
ON CONFLICT (tenant, name) DO NOTHING;

-- name: volume_delete
DELETE FROM volume WHERE tenant = :tenant AND name = :name;

-- name: volume_users
SELECT DISTINCT container_id FROM container_volume WHERE tenant = :tenant AND volume = :name;

-- name: container_volume_add
INSERT INTO container_volume (container_id, tenant, volume, destination, anonymous)
VALUES (:container, :tenant, :volume, :destination, :anonymous);

-- name: container_remove_volumes
UPDATE container SET remove_volumes = 1 WHERE tenant = :tenant AND id = :id;

-- name: container_intent
SELECT status, message FROM intent WHERE tenant = :tenant AND seq = :seq AND done_at IS NOT NULL;

-- name: image_users
SELECT count(*) FROM container WHERE tenant = :tenant AND image_id = :id AND state NOT IN ('creating', 'removing');

--------------------------------------------------------------- gateway

-- name: gateway_container
-- system
SELECT tenant, function_name, state, timeout, auto_remove, tty, open_stdin, stdin_once, exit_code, error, spec, restart_at,
       ifnull(json_extract(host_config, '$.LogConfig'), '')
FROM container WHERE id = :id;

-- name: gateway_container_spec
-- system
SELECT spec, function_name, timeout, config FROM container WHERE id = :id;

-- name: gateway_container_actor
-- system
SELECT tenant, name, image_reference, config, started_at, state FROM container WHERE id = :id;

-- name: gateway_container_starting
-- system
UPDATE container SET run_id = :run, exit_code = 0, error = '', oom_killed = 0, pid = 0, stopped = 0,
	restart_count = CASE WHEN restart_at THEN restart_count ELSE 0 END, restart_pause = CASE WHEN restart_at THEN restart_pause ELSE 0 END,
	restart_failures = CASE WHEN restart_at THEN restart_failures ELSE 0 END
WHERE id = :id;

-- name: gateway_container_restart
-- system
SELECT ifnull(json_extract(host_config, '$.RestartPolicy.Name'), ''), ifnull(json_extract(host_config, '$.RestartPolicy.MaximumRetryCount'), 0),
       restart_count, restart_pause, restart_failures, stopped, started_at, restart_at
FROM container WHERE id = :id;

-- name: gateway_container_set_restart
-- system
UPDATE container SET restart_count = :count, restart_pause = :pause, restart_failures = :failures, restart_at = :at WHERE id = :id;

-- name: gateway_container_no_restart
-- system
UPDATE container SET restart_at = 0 WHERE id = :id;

-- name: gateway_container_stopped
-- system
UPDATE container SET stopped = 1 WHERE id = :id;

-- What is scanned is one container's JSON.
-- name: gateway_container_networks
-- system
-- scan
SELECT c.tenant, n.id, n.name, n.driver FROM container c, json_each(c.networking) e
JOIN network n ON n.id = json_extract(e.value, '$.NetworkID') AND n.tenant = c.tenant WHERE c.id = :id;

-- What is scanned is one container's JSON.
-- As dockerd mounts them: what lies beneath another comes later.
-- name: gateway_container_volumes
-- system
-- scan
SELECT c.tenant, json_extract(m.value, '$.Name'), json_extract(m.value, '$.Destination') AS destination, json_extract(m.value, '$.RW')
FROM container c, json_each(c.mounts) m WHERE c.id = :id AND json_extract(m.value, '$.Type') = 'volume'
ORDER BY length(destination) - length(replace(destination, '/', '')), destination;

-- name: gateway_container_health
-- system
SELECT health, health_probe FROM container WHERE id = :id AND run_id = :run AND state = 'running' AND health <> '';

-- name: gateway_container_set_health
-- system
UPDATE container SET health = :health, health_probe = :probe WHERE id = :id;

-- name: gateway_container_health_begin
-- system
UPDATE container SET health_probe = 0, health = json_set(CASE health WHEN '' THEN '{"Status":"","FailingStreak":0,"Log":[]}' ELSE health END,
	'$.Status', 'starting', '$.FailingStreak', 0) WHERE id = :id;

-- name: gateway_container_health_end
-- system
UPDATE container SET health = json_set(health, '$.Status', 'unhealthy') WHERE id = :id AND health <> '';

-- name: gateway_containers_exited
-- system
SELECT id FROM container WHERE state = 'exited'
	AND json_extract(host_config, '$.RestartPolicy.Name') IN ('always', 'unless-stopped');

-- name: gateway_containers_restarting
-- system
SELECT id FROM container WHERE state = 'restarting';

-- name: gateway_intent_signal
-- system
UPDATE intent SET signal = :signal, signal_at = CASE signal_at WHEN 0 THEN :now ELSE signal_at END WHERE seq = :seq AND signal <> :signal;

-- name: gateway_container_started
-- system
UPDATE container SET started_at = :now, pid = :pid, restart_at = 0, restart_failures = 0 WHERE id = :id;

-- name: gateway_container_start_failed
-- system
UPDATE container SET exit_code = :code, error = :error, pid = 0 WHERE id = :id;

-- name: gateway_container_ended
-- system
UPDATE container SET finished_at = :now, exit_code = :code, oom_killed = :oom, error = :error, pid = 0 WHERE id = :id;

-- name: gateway_container_error
-- system
UPDATE container SET error = :error WHERE id = :id;

-- name: gateway_container_nameless
-- system
UPDATE container SET name = NULL WHERE id = :id;

-- name: gateway_run_number
-- system
SELECT coalesce(max(number), 0) + 1 FROM run WHERE container_id = :container;

-- name: gateway_run_add
-- system
INSERT INTO run (id, tenant, container_id, number, nonce, phase, prepared_at)
SELECT :id, tenant, id, :number, :nonce, 'prepared', :now FROM container WHERE id = :container;

-- name: gateway_run_nonce
-- system
SELECT nonce, container_id FROM run WHERE id = :id AND phase = 'prepared';

-- name: gateway_run_invoke_sent
-- system
UPDATE run SET phase = 'invoke_sent', invoked_at = :now, stdin_attached = max(stdin_attached, :stdin) WHERE id = :id AND phase = 'prepared';

-- name: gateway_run_unsent
-- system
UPDATE run SET phase = 'prepared', invoked_at = NULL WHERE id = :id AND phase = 'invoke_sent';

-- name: gateway_run_hello
-- system
UPDATE run SET agent = 'connected', request_id = :request, log_stream = :stream WHERE id = :id AND phase <> 'ended';

-- name: gateway_run_agent
-- system
UPDATE run SET agent = :agent WHERE id = :id AND phase <> 'ended';

-- name: gateway_run_stdin
-- system
UPDATE run SET stdin_attached = 1 WHERE id = :id;

-- name: gateway_run_started
-- system
UPDATE run SET phase = 'started', started_at = :now WHERE id = :id AND phase <> 'ended';

-- name: gateway_run_ended
-- system
UPDATE run SET phase = 'ended', agent = 'ended', finished_at = :now, exit_code = :code, error = :error
WHERE id = :id AND phase <> 'ended';

-- name: gateway_run_invoked
-- system
UPDATE run SET request_id = coalesce(request_id, :request), billed_ms = :billed, memory_peak_mb = :peak WHERE id = :id;

-- name: gateway_runs_unfinished
-- system
SELECT id, container_id, number, phase, stdin_attached, coalesce(invoked_at, prepared_at), coalesce(request_id, ''),
	coalesce(log_stream, '') FROM run WHERE phase <> 'ended';

-- name: gateway_runs_logged
-- system
SELECT number, coalesce(request_id, ''), log_stream, coalesce(invoked_at, prepared_at) FROM run
WHERE container_id = :container AND log_stream <> '' ORDER BY number DESC LIMIT 32;

-- name: gateway_intents
-- system
SELECT seq, container_id, verb, args, signal_at FROM intent WHERE done_at IS NULL AND seq > :after ORDER BY seq LIMIT 256;

-- name: gateway_intent
-- system
SELECT status, message, done_at IS NOT NULL FROM intent WHERE seq = :seq AND container_id = :container;

-- name: gateway_intent_done
-- system
UPDATE intent SET done_at = :now, status = :status, message = :message WHERE seq = :seq AND done_at IS NULL;

-- name: gateway_exec
-- system
SELECT e.container_id, e.run_id, e.config, e.state, c.spec, c.state
FROM exec e JOIN container c ON c.id = e.container_id WHERE e.id = :id;

-- name: gateway_exec_stream
-- system
SELECT coalesce(max(stream), 1) FROM exec WHERE container_id = :container AND run_id = :run;

-- name: gateway_exec_by_stream
-- system
SELECT id FROM exec WHERE container_id = :container AND run_id = :run AND stream = :stream AND state <> 'exited';

-- name: gateway_exec_open
-- system
SELECT id, stream, state FROM exec
WHERE container_id = :container AND run_id = :run AND stream > :after AND stream <= :last AND state IN ('starting', 'running')
ORDER BY stream LIMIT 1;

-- name: gateway_exec_starting
-- system
UPDATE exec SET state = 'starting', stream = :stream, run_id = :run WHERE id = :id AND state = 'created';

-- name: gateway_exec_running
-- system
UPDATE exec SET state = 'running', pid = :pid WHERE id = :id AND state = 'starting';

-- name: gateway_exec_exited
-- system
UPDATE exec SET state = 'exited', exit_code = :code WHERE id = :id AND state <> 'exited';

-- name: gateway_container_gone
-- system
SELECT count(*) = 0 FROM container WHERE id = :id AND state <> 'removing';

-- name: gateway_event_last
-- system
SELECT coalesce(max(seq), 0) FROM event;

-- name: gateway_event_first
SELECT coalesce(min(seq), 0) FROM event WHERE tenant = :tenant AND time >= :since;

-- name: gateway_events
-- The + keeps it at the few rows after that one: an index of the tenant would have all its events read and sorted at each look.
SELECT seq, time, type, action, actor_id, attributes FROM event WHERE +tenant = :tenant AND seq > :after ORDER BY seq LIMIT 200;


--------------------------------------------------------------- reconciler

-- name: sweep_removing
-- system
SELECT id, function_name FROM container WHERE state = 'removing' AND id > :after ORDER BY id LIMIT 100;

-- name: sweep_stale
-- system
-- One that began later than now did so before the clock was set back.
SELECT id FROM container WHERE state = 'creating' AND (state_since < :before OR state_since > :now);

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

-- A derived image of which a container is isn't out of use, however old.
-- name: sweep_derived_garbage
-- system
INSERT INTO registry_garbage (tenant, digest, uri, since)
SELECT tenant, substr(uri, instr(uri, '@') + 1), uri, :now FROM derived_image
WHERE used_at < :before AND NOT EXISTS (SELECT 1 FROM container c WHERE c.image_uri = derived_image.uri)
ON CONFLICT (tenant, digest) DO NOTHING;

-- name: sweep_derived
-- system
DELETE FROM derived_image
WHERE used_at < :before AND NOT EXISTS (SELECT 1 FROM container c WHERE c.image_uri = derived_image.uri);

-- name: sweep_garbage
-- system
SELECT tenant, digest FROM registry_garbage
WHERE since < :before AND (uri = '' OR NOT EXISTS (SELECT 1 FROM container c WHERE c.image_uri = registry_garbage.uri)) LIMIT 50;

-- name: sweep_manifest_used
SELECT 1 FROM image WHERE tenant = :tenant AND manifest_digest = :digest
UNION ALL SELECT 1 FROM derived_image WHERE tenant = :tenant AND substr(uri, instr(uri, '@') + 1) = :digest LIMIT 1;

-- name: sweep_garbage_delete
DELETE FROM registry_garbage WHERE tenant = :tenant AND digest = :digest;

-- name: sweep_intents
-- system
DELETE FROM intent WHERE done_at IS NOT NULL AND done_at < :before;

-- name: sweep_events
-- system
DELETE FROM event WHERE time < :before;

