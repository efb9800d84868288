-- When a client gave an image this name; 0: it came with a pull or an archive.
ALTER TABLE image_reference ADD COLUMN tagged_at INTEGER NOT NULL DEFAULT 0;
