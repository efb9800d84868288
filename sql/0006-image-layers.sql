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
