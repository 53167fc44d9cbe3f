-- What Prometheus is told of each value stream, exact at this instant and cheap at any age.
--   negated_bounds  float8[]: upper bounds of the duration buckets in seconds, times -1, ascending
--
-- = the kept totals of the closed days
-- - the kept counts of those closed days in which something has been changed since
-- + these days, and all time for which nothing is kept, counted live.
-- One statement, so one snapshot: while a day is being closed, it is counted here or there, never
-- twice. Counts kept for other bounds or by other definitions do not exist here.
-- Series, labels and buckets are those of the function flow_counts.
WITH kept AS (
    SELECT v.id AS value_stream_id, s.filled_from, s.filled_until, s.tz
    FROM value_streams v
    LEFT JOIN rollup_state s
           ON s.value_stream_id = v.id
          AND s.tz = v.time_zone
          AND s.definitions_version = v.definitions_version
          AND s.negated_bounds = CAST(:negated_bounds AS float8[])
),
changed AS (
    SELECT DISTINCT r.value_stream_id, m.date, m.period_start, m.period_end
    FROM rollup_invalidations r
    JOIN kept USING (value_stream_id)
    -- change by change, by index to the days in question and then exactly: hence OFFSET 0
    CROSS JOIN LATERAL (
        SELECT date, period_start, period_end
        FROM flow_metrics
        WHERE value_stream_id = r.value_stream_id
          AND period_type = 'day'
          AND tz = kept.tz
          AND type_filter = ''
          AND date >= CAST(r.from_instant AT TIME ZONE kept.tz AS date) - 1
          AND date <= CAST(coalesce(r.through_instant, 'infinity') AT TIME ZONE kept.tz AS date)
          AND period_start >= kept.filled_from AND period_end <= kept.filled_until
          AND period_end > r.from_instant
          AND period_start <= coalesce(r.through_instant, 'infinity')
        OFFSET 0
    ) m
),
spans AS (
    SELECT value_stream_id, CAST('-infinity' AS timestamptz) AS starts,
           coalesce(filled_from, 'infinity') AS ends
    FROM kept
    UNION ALL
    SELECT value_stream_id, filled_until, 'infinity' FROM kept WHERE filled_until IS NOT NULL
    UNION ALL
    SELECT value_stream_id, period_start, period_end FROM changed
),
parts AS (
    SELECT spans.value_stream_id, c.*
    FROM spans
    CROSS JOIN LATERAL flow_counts(spans.value_stream_id, spans.starts, spans.ends,
                                   CAST(:negated_bounds AS float8[])) c
    UNION ALL
    SELECT t.value_stream_id, t.series, t.label, t.other, t.bucket, t.n, t.sum_us
    FROM total_counts t
    JOIN kept USING (value_stream_id)
    WHERE kept.filled_until IS NOT NULL
    UNION ALL
    SELECT d.value_stream_id, d.series, d.label, d.other, d.bucket, -d.n, -d.sum_us
    FROM daily_counts d
    JOIN changed USING (value_stream_id, date)
)
SELECT value_stream_id AS stream_id, series, label, other, bucket, sum(n)::bigint AS n,
       sum(sum_us) AS sum_us
FROM parts
GROUP BY value_stream_id, series, label, other, bucket
HAVING sum(n) <> 0;
