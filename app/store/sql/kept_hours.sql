-- The closed hours of one value stream within several spans of time whose kept parts hold.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each
-- As with days, those closed by other rules or changed since are left out.
SELECT h.hour AS starts, h.hour + interval '1 hour' AS ends
FROM rollup_state s
JOIN value_streams v
  ON v.id = s.value_stream_id
 AND v.time_zone = s.tz
 AND v.definitions_version = s.definitions_version
CROSS JOIN unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
CROSS JOIN LATERAL generate_series(
    date_trunc('hour', greatest(d.starts, s.hours_from) + interval '1 hour'
                       - interval '1 microsecond', 'UTC'),
    least(d.ends, s.hours_until) - interval '1 hour',
    interval '1 hour') AS h (hour)
WHERE s.value_stream_id = CAST(:stream_id AS integer)
  AND s.hours_until IS NOT NULL -- least() would pass over it
  AND NOT EXISTS (
      SELECT FROM rollup_invalidations r
      WHERE r.value_stream_id = s.value_stream_id
        AND r.from_instant < h.hour + interval '1 hour'
        AND coalesce(r.through_instant, 'infinity') >= h.hour)
ORDER BY h.hour;
