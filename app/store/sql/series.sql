-- What flowed through one value stream in each bucket of a window.
--   stream_id  integer
--   starts, ends  timestamptz: the window
--   edges  timestamptz[]: starts, where each further bucket begins, ascending, and ends
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts in durations; NULL for
--             elapsed time, in which WIP is always
--
-- One row per bucket, numbered from 1, and one more for the time after the window, in which only
-- the WIP columns count. WIP before the window is doing_now less all steps; at the end of a bucket
-- it is that plus the steps so far. Its integral over a bucket that ends at e is
--   WIP before the bucket * length + sum of step * (e - instant)
-- where sum of step * instant, in microseconds since the first edge, is stepped_at_us.
WITH zones AS (
    SELECT stage_id, zone FROM stage_zones WHERE value_stream_id = CAST(:stream_id AS integer)
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.effective_created_at, i.started_at, i.finished_at, i.cancelled_at,
           i.current_stage_id
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
present AS (
    SELECT count(*) AS doing_now
    FROM items
    WHERE cancelled_at IS NULL
      AND current_stage_id IN (SELECT stage_id FROM zones WHERE zone = 'doing')
),
-- materialized, so that the type is looked up for moves across the border of a zone alone
moves AS MATERIALIZED (
    SELECT t.work_item_id, t.timestamp AS at, coalesce(f.zone, 'todo') AS left_zone,
           z.zone AS entered_zone
    FROM stage_transitions t
    JOIN zones z ON z.stage_id = t.to_stage_id
    LEFT JOIN zones f ON f.stage_id = t.from_stage_id
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.voided_at IS NULL
      AND coalesce(f.zone, 'todo') <> z.zone
),
steps AS (
    SELECT at,
           (entered_zone = 'doing')::int - (left_zone = 'doing')::int AS doing,
           (left_zone = 'done')::int AS reopened,
           (entered_zone = 'done')::int AS entered_done
    FROM moves m
    WHERE CAST(:types AS text[]) IS NULL
       OR (SELECT i.type FROM work_items i WHERE i.id = m.work_item_id)
          = ANY (CAST(:types AS text[]))
    UNION ALL
    SELECT i.cancelled_at, -1, 0, 0
    FROM items i
    JOIN zones z ON z.stage_id = i.current_stage_id AND z.zone = 'doing'
    WHERE i.cancelled_at >= CAST(:starts AS timestamptz)
),
stepped AS (
    SELECT width_bucket(at, CAST(:edges AS timestamptz[])) AS bucket,
           sum(doing) AS stepped,
           sum(doing * span_us(CAST(:starts AS timestamptz), at))
               AS stepped_at_us,
           sum(reopened) AS reopened,
           sum(entered_done) AS entered_done
    FROM steps
    GROUP BY 1
),
finished AS (
    SELECT width_bucket(finished_at, CAST(:edges AS timestamptz[])) AS bucket,
           span_us(started_at, finished_at, CAST(:calendar AS integer)) AS cycle_us,
           span_us(effective_created_at, finished_at, CAST(:calendar AS integer)) AS lead_us
    FROM items
    WHERE finished_at >= CAST(:starts AS timestamptz) AND finished_at < CAST(:ends AS timestamptz)
),
durations AS (
    SELECT bucket,
           count(*) AS throughput,
           sum(cycle_us) AS cycle_sum_us,
           percentile_cont(CAST(ARRAY[0.50, 0.85, 0.95] AS float8[]))
               WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000) AS cycle,
           sum(lead_us) AS lead_sum_us,
           percentile_cont(CAST(ARRAY[0.50, 0.85, 0.95] AS float8[]))
               WITHIN GROUP (ORDER BY lead_us::float8 / 1000000) AS lead
    FROM finished
    GROUP BY bucket
),
created AS (
    SELECT width_bucket(effective_created_at, CAST(:edges AS timestamptz[])) AS bucket,
           count(*) AS created
    FROM items
    WHERE effective_created_at >= CAST(:starts AS timestamptz)
      AND effective_created_at < CAST(:ends AS timestamptz)
    GROUP BY 1
),
started AS (
    SELECT width_bucket(started_at, CAST(:edges AS timestamptz[])) AS bucket, count(*) AS started
    FROM items
    WHERE started_at >= CAST(:starts AS timestamptz) AND started_at < CAST(:ends AS timestamptz)
    GROUP BY 1
),
discarded AS (
    SELECT width_bucket(cancelled_at, CAST(:edges AS timestamptz[])) AS bucket,
           count(*) AS discarded
    FROM items
    WHERE cancelled_at >= CAST(:starts AS timestamptz) AND cancelled_at < CAST(:ends AS timestamptz)
      AND finished_at IS NULL
    GROUP BY 1
)
SELECT bucket,
       coalesce(d.throughput, 0) AS throughput,
       coalesce(d.cycle_sum_us, 0) AS cycle_sum_us,
       d.cycle,
       coalesce(d.lead_sum_us, 0) AS lead_sum_us,
       d.lead,
       coalesce(c.created, 0) AS created,
       coalesce(s.started, 0) AS started,
       coalesce(x.discarded, 0) AS discarded,
       coalesce(w.reopened, 0) AS reopened,
       coalesce(w.entered_done, 0) - coalesce(d.throughput, 0) AS recompleted,
       coalesce(w.stepped, 0) AS stepped,
       coalesce(w.stepped_at_us, 0) AS stepped_at_us,
       p.doing_now
FROM generate_series(1, cardinality(CAST(:edges AS timestamptz[]))) AS bucket
CROSS JOIN present p
LEFT JOIN durations d USING (bucket)
LEFT JOIN created c USING (bucket)
LEFT JOIN started s USING (bucket)
LEFT JOIN discarded x USING (bucket)
LEFT JOIN stepped w USING (bucket)
ORDER BY bucket;
