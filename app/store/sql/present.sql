-- Where the items of one value stream are now, by stage and type; stage_id 0 stands for none yet.
--   stream_id  integer
--   types  text[]: only items of these types; NULL for all
-- What lies in done stages is not counted, and neither is what was cancelled. unfinished are those
-- that have never been finished.
SELECT z.stage_id, z.zone, c.type, coalesce(c.n, 0) AS n, coalesce(c.unfinished, 0) AS unfinished
FROM (
    SELECT stage_id, zone FROM stage_zones WHERE value_stream_id = CAST(:stream_id AS integer)
) z
-- stage by stage: each is a range of an index, and what is done is never read
LEFT JOIN LATERAL (
    SELECT i.type, count(*) AS n, count(*) FILTER (WHERE i.finished_at IS NULL) AS unfinished
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.current_stage_id = z.stage_id
      AND z.zone <> 'done'
      AND i.cancelled_at IS NULL
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
    GROUP BY i.type
) c ON true
UNION ALL
SELECT 0, 'todo', i.type, count(*), count(*) FILTER (WHERE i.finished_at IS NULL)
FROM work_items i
WHERE i.value_stream_id = CAST(:stream_id AS integer)
  AND i.current_stage_id IS NULL
  AND i.cancelled_at IS NULL
  AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
GROUP BY i.type;
