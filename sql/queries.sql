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

--------------------------------------------------------------- reconciler

