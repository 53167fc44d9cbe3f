-- Of the items finished in the window [starts, ends), those that took longest, the longest first.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--   duration  text: 'cycle' from the start of work, 'lead' from creation
--   most  integer: at most so many
-- All of the window's items are looked at, in an index that holds what it takes; few rows are read.
WITH slow AS (
    SELECT id, span_us(CASE CAST(:duration AS text) WHEN 'cycle' THEN started_at
                                                    ELSE effective_created_at END,
                       finished_at, CAST(:calendar AS integer)) AS took_us
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
    ORDER BY took_us DESC, id
    LIMIT CAST(:most AS integer)
)
SELECT i.id, i.title, i.type, i.finished_at,
       span_us(i.started_at, i.finished_at, CAST(:calendar AS integer)) AS cycle_us,
       span_us(i.effective_created_at, i.finished_at, CAST(:calendar AS integer)) AS lead_us
FROM slow s
JOIN work_items i USING (id)
ORDER BY s.took_us DESC, i.id;
