-- How many items were out before an instant: finished, or given up unfinished, by type.
--   stream_id  integer
--   starts  timestamptz
--   types  text[]: only items of these types; NULL for all
--
-- Reads every such item's index entry: its cost grows with the history.
SELECT type,
       count(*) FILTER (WHERE finished_at < CAST(:starts AS timestamptz)) AS completed,
       count(*) FILTER (WHERE finished_at IS NULL AND cancelled_at < CAST(:starts AS timestamptz))
           AS discarded
FROM work_items
WHERE value_stream_id = CAST(:stream_id AS integer)
  AND (finished_at < CAST(:starts AS timestamptz) OR cancelled_at < CAST(:starts AS timestamptz))
  AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
GROUP BY type;
