-- The flow of whole weeks and months, by type and for all types (''), from the rows of their days.
--   stream_id  integer;  tz  text;  version  integer: the stream's definitions_version
--   period_types  text[];  dates, date_ends  date[];  starts, ends  timestamptz[]: the periods
--
-- Counts and sums add up. Percentiles do not: they are taken from the items of the whole period. A
-- day without a row lies before the stream's first data and adds nothing.
WITH periods AS (
    SELECT *
    FROM unnest(CAST(:period_types AS text[]), CAST(:dates AS date[]), CAST(:date_ends AS date[]),
                CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
         AS p (period_type, date, date_end, starts, ends)
),
summed AS (
    SELECT p.period_type, p.date, p.starts, p.ends, m.*,
           (extract(epoch FROM p.ends - p.starts) * 1000000)::bigint AS period_us
    FROM periods p
    CROSS JOIN LATERAL (
        SELECT d.type_filter,
               sum(d.throughput) AS throughput, sum(d.wip_item_us) AS wip_item_us,
               (array_agg(d.wip_at_end ORDER BY d.date DESC))[1] AS wip_at_end,
               sum(d.cycle_sum_us) AS cycle_sum_us, sum(d.lead_sum_us) AS lead_sum_us,
               sum(d.created_n) AS created_n, sum(d.started_n) AS started_n,
               sum(d.discarded_n) AS discarded_n, sum(d.reopened_n) AS reopened_n,
               sum(d.recompleted_n) AS recompleted_n
        FROM flow_metrics d
        WHERE d.value_stream_id = CAST(:stream_id AS integer)
          AND d.period_type = 'day'
          AND d.date >= p.date AND d.date < p.date_end
          AND d.tz = :tz
        GROUP BY d.type_filter
    ) m
),
finished AS (
    SELECT p.period_type, p.date, f.*
    FROM periods p
    CROSS JOIN LATERAL (
        SELECT coalesce(i.type, '') AS type_filter,
               percentile_cont(ARRAY[0.50, 0.85, 0.95]) WITHIN GROUP (ORDER BY
                   (extract(epoch FROM i.finished_at - i.started_at) * 1000000)::bigint::float8
                   / 1000000) AS cycle,
               percentile_cont(ARRAY[0.50, 0.85, 0.95]) WITHIN GROUP (ORDER BY
                   (extract(epoch FROM i.finished_at - i.effective_created_at) * 1000000)::bigint
                   ::float8 / 1000000) AS lead
        FROM work_items i
        WHERE i.value_stream_id = CAST(:stream_id AS integer)
          AND i.finished_at >= p.starts AND i.finished_at < p.ends
        GROUP BY GROUPING SETS ((i.type), ())
    ) f
)
SELECT CAST(:stream_id AS integer) AS value_stream_id, date, period_type,
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
       created_n, started_n, discarded_n, reopened_n, recompleted_n,
       CAST(:version AS integer) AS definitions_version
FROM summed
LEFT JOIN finished USING (period_type, date, type_filter);
