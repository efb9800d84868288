-- The order of GET /containers/json, so that its rows needn't be sorted.
DROP INDEX container_by_tenant;
CREATE INDEX container_by_tenant ON container (tenant, created_at, id);
