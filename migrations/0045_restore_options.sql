-- How a restore went about it, as the person or key who ordered it wished; NULL: nothing but what is usual, and everything that is no restore.
ALTER TABLE runs ADD COLUMN options TEXT;
