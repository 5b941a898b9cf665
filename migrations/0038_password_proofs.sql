-- When a person last opened the repository with the password from their own copy, who, and from which host; JSON. NULL: never, or not with
-- the password that hosts use now.
ALTER TABLE repositories ADD COLUMN password_proof TEXT;
