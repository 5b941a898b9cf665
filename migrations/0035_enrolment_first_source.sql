-- What a token brings a host that joins with it: the only name it may call itself, the paths of its first source, and the plan that takes it.
ALTER TABLE enrolment_tokens ADD COLUMN hostname TEXT;
ALTER TABLE enrolment_tokens ADD COLUMN paths TEXT NOT NULL DEFAULT '[]';
ALTER TABLE enrolment_tokens ADD COLUMN plan_id TEXT;
