-- The cycle times of the items finished in the window [starts, ends), ascending, in microseconds.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--
-- One array, because a promise needs the values themselves and nothing else.
SELECT array_agg(cycle_us ORDER BY cycle_us) AS cycles_us
FROM (
    SELECT span_us(started_at, finished_at, CAST(:calendar AS integer)) AS cycle_us
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
) AS finished;
