-- How many items finished in the window [starts, ends) took how long, by whole hours.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--   duration  text: 'cycle' from the start of work, 'lead' from creation
SELECT (span_us(begun, finished_at, CAST(:calendar AS integer)) / 3600000000)::integer AS hours,
       count(*) AS items
FROM (
    SELECT finished_at,
           CASE CAST(:duration AS text) WHEN 'cycle' THEN started_at ELSE effective_created_at END
               AS begun
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
) AS finished
GROUP BY hours;
