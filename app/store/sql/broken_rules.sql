-- How often each rule of one value stream was broken in the window [starts, ends), by stage entered.
--   stream_id  integer
--   starts, ends  timestamptz
--   types  text[]: only items of these types; NULL for all
--
-- A stage that was merged into another one counts there. Moves that were voided do not count.
SELECT coalesce(s.merged_into, s.id) AS stage_id, b.rule, count(*) AS n
FROM broken_rules b
JOIN stages s ON s.id = b.stage_id
WHERE b.value_stream_id = CAST(:stream_id AS integer)
  AND b.broken_at >= CAST(:starts AS timestamptz)
  AND b.broken_at < CAST(:ends AS timestamptz)
  AND b.voided_at IS NULL
  AND (CAST(:types AS text[]) IS NULL
       OR (SELECT i.type FROM work_items i WHERE i.id = b.work_item_id)
          = ANY (CAST(:types AS text[])))
GROUP BY 1, 2;
