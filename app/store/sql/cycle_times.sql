-- The items finished in the window [starts, ends), their cycle times, and what they amount to.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--   latest  integer: as points, this many of the items, those finished last
--
-- One row, the points as arrays that go together: a chart of 20,000 of them is read at once, and
-- from one snapshot with the percentiles, which are about all items.
WITH finished AS NOT MATERIALIZED (
    SELECT id, title, type, finished_at,
           span_us(started_at, finished_at, CAST(:calendar AS integer)) AS cycle_us
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
),
sample AS (
    SELECT count(*) AS n,
           coalesce(sum(cycle_us), 0) AS sum_us,
           percentile_cont(ARRAY[0.50, 0.85, 0.95])
               WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000) AS percentiles
    FROM finished
),
points AS (
    SELECT array_agg(id) AS ids, array_agg(title) AS titles, array_agg(type) AS types,
           array_agg(finished_at) AS finished, array_agg(cycle_us) AS cycles_us
    FROM (SELECT * FROM finished ORDER BY finished_at DESC, id DESC
          LIMIT CAST(:latest AS integer)) AS chosen
),
discards AS (
    SELECT count(*) AS discarded
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND cancelled_at >= CAST(:starts AS timestamptz)
      AND cancelled_at < CAST(:ends AS timestamptz)
      AND finished_at IS NULL
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
)
SELECT s.n, s.sum_us, s.percentiles[1] AS p50, s.percentiles[2] AS p85, s.percentiles[3] AS p95,
       p.*, d.discarded
FROM sample s, points p, discards d;
