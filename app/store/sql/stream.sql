-- One value stream with its stages in order, a row for each stage.
--   key  text: the stream's key; NULL: see id
--   id  integer: the stream's id; NULL as well: the default stream
-- allowed are the names of the stages that items may go to from here by the stream's rules.
SELECT v.id AS stream_id, v.key, v.name AS stream_name, v.description AS stream_description,
       v.is_default, v.time_zone, v.definitions_version, v.move_policy, v.backward_reason,
       v.service_level_percent, v.service_level_hours, v.working_time,
       s.id, s.name, s."order", s.type, s.category, s.wip_limit, s.wip_policy, s.description,
       (SELECT array_agg(t.name)
        FROM allowed_moves a
        JOIN stages t ON t.id = a.to_stage_id
        WHERE a.from_stage_id = s.id) AS allowed
FROM value_streams v
JOIN stages s ON s.value_stream_id = v.id
WHERE s.retired_at IS NULL
  AND CASE WHEN CAST(:key AS text) IS NOT NULL THEN v.key = CAST(:key AS text)
           WHEN CAST(:id AS integer) IS NOT NULL THEN v.id = CAST(:id AS integer)
           ELSE v.is_default END
ORDER BY s."order";
