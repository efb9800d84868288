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

--------------------------------------------------------------- gateway

-- name: gateway_container
-- system
SELECT tenant, function_name, state, timeout, auto_remove, tty, open_stdin, stdin_once, exit_code, error, spec
FROM container WHERE id = :id;

-- name: gateway_container_spec
-- system
SELECT spec, function_name, timeout FROM container WHERE id = :id;

-- name: gateway_container_actor
-- system
SELECT tenant, name, image_reference, config, started_at, state FROM container WHERE id = :id;

-- name: gateway_container_starting
-- system
UPDATE container SET run_id = :run, exit_code = 0, error = '', oom_killed = 0, pid = 0 WHERE id = :id;

-- name: gateway_container_started
-- system
UPDATE container SET started_at = :now, pid = :pid WHERE id = :id;

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
UPDATE run SET phase = 'invoke_sent', invoked_at = :now WHERE id = :id AND phase = 'prepared';

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
SELECT id, container_id, number, phase, stdin_attached, coalesce(invoked_at, prepared_at) FROM run WHERE phase <> 'ended';

-- name: gateway_intents
-- system
SELECT seq, container_id, verb, args FROM intent WHERE done_at IS NULL AND seq > :after ORDER BY seq LIMIT 256;

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

-- name: gateway_exec_starting
-- system
UPDATE exec SET state = 'starting', stream = :stream, run_id = :run WHERE id = :id AND state = 'created';

-- name: gateway_exec_running
-- system
UPDATE exec SET state = 'running', pid = :pid WHERE id = :id AND state = 'starting';

-- name: gateway_exec_exited
-- system
UPDATE exec SET state = 'exited', exit_code = :code WHERE id = :id AND state <> 'exited';

-- name: gateway_execs_ended
-- system
UPDATE exec SET state = 'exited', exit_code = 137
WHERE container_id = :container AND run_id = :run AND state IN ('starting', 'running');

-- name: gateway_event_last
-- system
SELECT coalesce(max(seq), 0) FROM event;

-- name: gateway_event_first
SELECT coalesce(min(seq), 0) FROM event WHERE tenant = :tenant AND time >= :since;

-- name: gateway_events
SELECT seq, time, type, action, actor_id, attributes FROM event WHERE tenant = :tenant AND seq > :after ORDER BY seq LIMIT 200;


--------------------------------------------------------------- reconciler

