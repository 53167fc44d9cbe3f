-- The cycle times of the items finished in the window [starts, ends), ascending, in microseconds.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--
-- One array, because a promise needs the values themselves and nothing else.
SELECT array_agg(cycle_us ORDER BY cycle_us) AS cycles_us
FROM (
    SELECT (extract(epoch FROM finished_at - started_at) * 1000000)::bigint AS cycle_us
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
) AS finished;
