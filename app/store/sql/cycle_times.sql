-- The items that were finished last in the window [starts, ends), and their cycle times.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--   latest  integer: as points, this many of the items, those finished last
--
-- One row, the points as arrays that go together: a chart of 20,000 of them is read at once.
WITH finished AS NOT MATERIALIZED (
    SELECT id, title, type, finished_at,
           span_us(started_at, finished_at, CAST(:calendar AS integer)) AS cycle_us
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
),
points AS (
    SELECT array_agg(id) AS ids, array_agg(title) AS titles, array_agg(type) AS types,
           array_agg(finished_at) AS finished, array_agg(cycle_us) AS cycles_us
    FROM (SELECT * FROM finished ORDER BY finished_at DESC, id DESC
          LIMIT CAST(:latest AS integer)) AS chosen
)
SELECT p.*
FROM points p;
