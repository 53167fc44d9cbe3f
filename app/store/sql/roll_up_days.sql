-- The flow of each closed local day in a run of adjacent days, by type and for all types ('').
--   stream_id  integer;  tz  text;  version  integer: the stream's definitions_version
--   dates  date[]: the days, ascending, without days of no length
--   edges  timestamptz[]: where each day starts, and where the last one ends
--   types  text[]: all types
--
-- WIP goes forward: what was in process when the day before ended, kept in its row (0 before the
-- first day), and one step at each move across the border of zone doing and at each cancellation.
WITH zones AS (
    SELECT stage_id, zone FROM stage_zones WHERE value_stream_id = CAST(:stream_id AS integer)
),
days AS (
    SELECT d.n, d.date,
           (CAST(:edges AS timestamptz[]))[d.n] AS starts,
           (CAST(:edges AS timestamptz[]))[d.n + 1] AS ends
    FROM unnest(CAST(:dates AS date[])) WITH ORDINALITY AS d (date, n)
),
run AS (
    SELECT min(starts) AS starts, max(ends) AS ends FROM days
),
events AS (
    SELECT i.effective_created_at AS at, i.type, 1 AS created, 0 AS started, 0 AS discarded,
           0 AS reopened, 0 AS entered_done, 0 AS doing
    FROM run, work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.effective_created_at >= run.starts AND i.effective_created_at < run.ends
    UNION ALL
    SELECT i.started_at, i.type, 0, 1, 0, 0, 0, 0
    FROM run, work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.started_at >= run.starts AND i.started_at < run.ends
    UNION ALL
    SELECT i.cancelled_at, i.type, 0, 0, (i.finished_at IS NULL)::int, 0, 0,
           -(coalesce(z.zone, 'todo') = 'doing')::int
    FROM run, work_items i
    LEFT JOIN zones z ON z.stage_id = i.current_stage_id
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.cancelled_at >= run.starts AND i.cancelled_at < run.ends
    UNION ALL
    -- one row by key for each move: a join would read all items
    SELECT t.timestamp, (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id), 0, 0, 0,
           (coalesce(f.zone, 'todo') = 'done')::int,
           (z.zone = 'done')::int,
           (z.zone = 'doing')::int - (coalesce(f.zone, 'todo') = 'doing')::int
    FROM run, stage_transitions t
    JOIN zones z ON z.stage_id = t.to_stage_id
    LEFT JOIN zones f ON f.stage_id = t.from_stage_id
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= run.starts AND t.timestamp < run.ends
      AND t.voided_at IS NULL
      AND coalesce(f.zone, 'todo') <> z.zone
),
numbered AS (
    SELECT width_bucket(at, CAST(:edges AS timestamptz[])) AS n, events.* FROM events
),
counted AS (
    SELECT e.n, coalesce(e.type, '') AS type_filter,
           sum(e.created) AS created, sum(e.started) AS started, sum(e.discarded) AS discarded,
           sum(e.reopened) AS reopened, sum(e.entered_done) AS entered_done,
           sum(e.doing) AS doing,
           sum(e.doing * (extract(epoch FROM d.ends - e.at) * 1000000)::bigint) AS stepped_us
    FROM numbered e
    JOIN days d ON d.n = e.n
    GROUP BY GROUPING SETS ((e.n, e.type), (e.n))
),
finished AS (
    SELECT d.n, f.*
    FROM days d
    CROSS JOIN LATERAL (
        SELECT coalesce(i.type, '') AS type_filter,
               count(*) AS throughput,
               sum((extract(epoch FROM i.finished_at - i.started_at) * 1000000)::bigint)
                   AS cycle_sum_us,
               percentile_cont(ARRAY[0.50, 0.85, 0.95]) WITHIN GROUP (ORDER BY
                   (extract(epoch FROM i.finished_at - i.started_at) * 1000000)::bigint::float8
                   / 1000000) AS cycle,
               sum((extract(epoch FROM i.finished_at - i.effective_created_at) * 1000000)::bigint)
                   AS lead_sum_us,
               percentile_cont(ARRAY[0.50, 0.85, 0.95]) WITHIN GROUP (ORDER BY
                   (extract(epoch FROM i.finished_at - i.effective_created_at) * 1000000)::bigint
                   ::float8 / 1000000) AS lead
        FROM work_items i
        WHERE i.value_stream_id = CAST(:stream_id AS integer)
          AND i.finished_at >= d.starts AND i.finished_at < d.ends
        GROUP BY GROUPING SETS ((i.type), ())
    ) f
),
filters AS (
    SELECT '' AS type_filter
    UNION ALL
    SELECT unnest(CAST(:types AS text[]))
),
before AS (
    SELECT m.type_filter, m.wip_at_end
    FROM run, flow_metrics m
    WHERE m.value_stream_id = CAST(:stream_id AS integer)
      AND m.period_type = 'day'
      AND m.tz = :tz
      AND m.date >= (CAST(:dates AS date[]))[1] - 3 AND m.date < (CAST(:dates AS date[]))[1]
      AND m.period_end = run.starts
),
rows AS (
    SELECT d.*, filters.type_filter,
           (extract(epoch FROM d.ends - d.starts) * 1000000)::bigint AS period_us,
           coalesce(f.throughput, 0) AS throughput,
           coalesce(f.cycle_sum_us, 0) AS cycle_sum_us, f.cycle,
           coalesce(f.lead_sum_us, 0) AS lead_sum_us, f.lead,
           coalesce(c.created, 0) AS created, coalesce(c.started, 0) AS started,
           coalesce(c.discarded, 0) AS discarded, coalesce(c.reopened, 0) AS reopened,
           coalesce(c.entered_done, 0) AS entered_done,
           coalesce(c.doing, 0) AS doing, coalesce(c.stepped_us, 0) AS stepped_us,
           coalesce(b.wip_at_end, 0)
               + sum(coalesce(c.doing, 0)) OVER (PARTITION BY filters.type_filter ORDER BY d.n)
               AS wip_at_end
    FROM days d
    CROSS JOIN filters
    LEFT JOIN counted c ON c.n = d.n AND c.type_filter = filters.type_filter
    LEFT JOIN finished f ON f.n = d.n AND f.type_filter = filters.type_filter
    LEFT JOIN before b ON b.type_filter = filters.type_filter
),
exact AS (
    SELECT rows.*, (wip_at_end - doing) * period_us + stepped_us AS wip_item_us FROM rows
)
SELECT CAST(:stream_id AS integer) AS value_stream_id, date, 'day' AS period_type,
       starts AS period_start, ends AS period_end, CAST(:tz AS text) AS tz, type_filter,
       throughput,
       wip_item_us::float8 / period_us AS wip,
       cycle_sum_us::float8 / (nullif(throughput, 0) * 3600000000.0::float8) AS cycle_time_avg,
       cycle[1] / 3600 AS cycle_time_p50, cycle[2] / 3600 AS cycle_time_p85,
       cycle[3] / 3600 AS cycle_time_p95,
       lead_sum_us::float8 / (nullif(throughput, 0) * 3600000000.0::float8) AS lead_time_avg,
       lead[1] / 3600 AS lead_time_p50, lead[2] / 3600 AS lead_time_p85,
       lead[3] / 3600 AS lead_time_p95,
       throughput AS completed_n, wip_item_us, wip_at_end, period_us, cycle_sum_us, lead_sum_us,
       created AS created_n, started AS started_n, discarded AS discarded_n,
       reopened AS reopened_n, entered_done - throughput AS recompleted_n,
       CAST(:version AS integer) AS definitions_version
FROM exact;
