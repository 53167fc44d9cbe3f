-- The closed days of one value stream, not before an instant, whose kept parts hold.
--   stream_id  integer
--   starts  timestamptz
-- Days that were closed by other rules, and days in which something has been changed since, are left
-- out: those have to be counted from the log.
-- version is another one whenever anything is kept anew.
SELECT m.period_start AS starts, m.period_end AS ends, s.ctid || ' ' || s.xmin AS version
FROM rollup_state s
JOIN value_streams v
  ON v.id = s.value_stream_id
 AND v.time_zone = s.tz
 AND v.definitions_version = s.definitions_version
JOIN flow_metrics m
  ON m.value_stream_id = s.value_stream_id
 AND m.period_type = 'day'
 AND m.tz = s.tz
 AND m.type_filter = ''
 -- by index to the days in question, then exactly
 AND m.date >= CAST(CAST(:starts AS timestamptz) AT TIME ZONE s.tz AS date) - 1
 AND m.period_start >= greatest(CAST(:starts AS timestamptz), s.filled_from)
 AND m.period_end <= s.filled_until
WHERE s.value_stream_id = CAST(:stream_id AS integer)
  AND NOT EXISTS (
      SELECT FROM rollup_invalidations r
      WHERE r.value_stream_id = s.value_stream_id
        AND r.from_instant < m.period_end
        AND coalesce(r.through_instant, 'infinity') >= m.period_start)
ORDER BY m.period_start;
