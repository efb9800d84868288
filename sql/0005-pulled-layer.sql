-- A layer that a tenant has read to its end at a source with its own account: digest there, and the blob that is kept of
-- it in our registry (another one if it came by zstd or plain). What another tenant's row names may be mounted, but is
-- still read first.
CREATE TABLE pulled_layer (
	tenant TEXT NOT NULL REFERENCES tenant (name),
	digest TEXT NOT NULL,
	stored TEXT NOT NULL,
	size INTEGER NOT NULL,           -- bytes of the stored blob
	PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX pulled_layer_by_digest ON pulled_layer (digest);
