-- What inspect and list need of a container's JSON, taken out once, by create: to take it out
-- of each row at each request was most of their time. '': there is none. NULL: not taken out.
ALTER TABLE container ADD COLUMN args TEXT;         -- spec.args
ALTER TABLE container ADD COLUMN network_mode TEXT; -- host_config.NetworkMode
ALTER TABLE container ADD COLUMN labels TEXT;       -- config.Labels
ALTER TABLE container ADD COLUMN exposed TEXT;      -- config.ExposedPorts

UPDATE container SET args = ifnull(json_extract(spec, '$.args'), ''), network_mode = ifnull(json_extract(host_config, '$.NetworkMode'), ''),
	labels = ifnull(json_extract(config, '$.Labels'), ''), exposed = ifnull(json_extract(config, '$.ExposedPorts'), '');
