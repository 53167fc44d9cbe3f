-- The closed hours, and shorter pieces of the hour after them, of one value stream within several spans
-- of time whose kept parts hold.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each
-- As with days, those closed by other rules or changed since are left out. version is another one
-- whenever anything is kept anew.
WITH state AS (
    SELECT s.hours_from, s.hours_until, s.burst_edges, s.ctid || ' ' || s.xmin AS version
    FROM rollup_state s
    JOIN value_streams v
      ON v.id = s.value_stream_id
     AND v.time_zone = s.tz
     AND v.definitions_version = s.definitions_version
    WHERE s.value_stream_id = CAST(:stream_id AS integer)
      AND s.hours_until IS NOT NULL -- least() would pass over it
),
pieces AS (
    SELECT h.hour AS starts, h.hour + interval '1 hour' AS ends, s.version
    FROM state s
    CROSS JOIN unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
               AS d (starts, ends)
    CROSS JOIN LATERAL generate_series(
        date_trunc('hour', greatest(d.starts, s.hours_from) + interval '1 hour'
                           - interval '1 microsecond', 'UTC'),
        least(d.ends, s.hours_until) - interval '1 hour',
        interval '1 hour') AS h (hour)
    UNION ALL
    SELECT s.burst_edges[n], s.burst_edges[n + 1], s.version
    FROM state s
    CROSS JOIN generate_series(1, cardinality(s.burst_edges) - 1) AS n
)
SELECT p.starts, p.ends, p.version
FROM pieces p
WHERE NOT EXISTS (
    SELECT FROM rollup_invalidations r
    WHERE r.value_stream_id = CAST(:stream_id AS integer)
      AND r.from_instant < p.ends
      AND coalesce(r.through_instant, 'infinity') >= p.starts)
ORDER BY p.starts;
