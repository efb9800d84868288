-- The layers of an image from the lowest. Images kept before this table have none here; the manifest in the registry tells them.
CREATE TABLE image_layer (
	tenant TEXT NOT NULL,
	image_id TEXT NOT NULL,
	position INTEGER NOT NULL,
	diff_id TEXT NOT NULL,           -- digest of the tar
	digest TEXT NOT NULL,            -- of the blob in our registry
	size INTEGER NOT NULL,           -- bytes of the blob
	unpacked INTEGER NOT NULL,       -- bytes of the tar; 0: not known yet
	PRIMARY KEY (tenant, image_id, position),
	FOREIGN KEY (tenant, image_id) REFERENCES image (tenant, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX image_layer_by_digest ON image_layer (tenant, digest);

-- Manifests in our registry that no image or derived image names any more. The reconciler deletes them there.
CREATE TABLE registry_garbage (
	tenant TEXT NOT NULL REFERENCES tenant (name),
	digest TEXT NOT NULL,            -- of the manifest
	uri TEXT NOT NULL,               -- of a derived image: no container may use it; '': of a pulled one
	since INTEGER NOT NULL,
	PRIMARY KEY (tenant, digest)
) STRICT;
CREATE INDEX registry_garbage_by_age ON registry_garbage (since);

-- When a container was last made of it.
ALTER TABLE derived_image ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX derived_image_by_use ON derived_image (used_at);
CREATE INDEX container_by_image_uri ON container (image_uri);
