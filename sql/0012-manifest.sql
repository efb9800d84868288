-- Of the manifest that manifest_digest names; '' and 0: not known, of images that were there before this.
ALTER TABLE image ADD COLUMN manifest_type TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN manifest_size INTEGER NOT NULL DEFAULT 0;
