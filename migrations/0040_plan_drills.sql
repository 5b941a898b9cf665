-- What a plan says of the drills of a source that has no rhythm of its own, word for word as it was when `next_at` was reckoned; NULL: none does.
ALTER TABLE drill_settings ADD COLUMN followed TEXT;

-- What plans say of drills, by source: of several plans the oldest one that is enabled and says anything.
CREATE VIEW drills_by_plan AS
  SELECT ps.tenant_id, ps.source_id, json_object('plan', p.id, 'drills', json(p.options -> '$.drills')) AS said
  FROM plan_sources ps JOIN plans p ON p.id = ps.plan_id
  WHERE p.enabled = 1 AND json_type(p.options, '$.drills') = 'object' AND NOT EXISTS (
    SELECT 1 FROM plan_sources os JOIN plans o ON o.id = os.plan_id
    WHERE os.tenant_id = ps.tenant_id AND os.source_id = ps.source_id AND o.enabled = 1
      AND json_type(o.options, '$.drills') = 'object' AND (o.created_at, o.id) < (p.created_at, p.id));
