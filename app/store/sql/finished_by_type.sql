-- How many items were finished in the window [starts, ends), by their present type.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
SELECT type, count(*) AS items
FROM work_items
WHERE value_stream_id = CAST(:stream_id AS integer)
  AND finished_at >= CAST(:starts AS timestamptz)
  AND finished_at < CAST(:ends AS timestamptz)
  AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
GROUP BY type;
