-- What each create of a container with this Lambda form tells its user: a JSON array of strings.
ALTER TABLE derived_image ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]';
