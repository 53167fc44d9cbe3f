-- Closed days and hours of one value stream that have not been searched since they were last kept:
-- those that a version kept which does not search.
--   stream_id  integer
--   most  integer: at most so many, the latest first
SELECT p.starts, p.ends
FROM rollup_state s
CROSS JOIN LATERAL (
    SELECT m.period_start AS starts, m.period_end AS ends
    FROM flow_metrics m
    WHERE m.value_stream_id = s.value_stream_id
      AND m.period_type = 'day'
      AND m.tz = s.tz
      AND m.type_filter = ''
      AND m.period_start >= s.filled_from
      AND m.period_end <= s.filled_until
    UNION ALL
    SELECT h.hour, h.hour + interval '1 hour'
    FROM generate_series(s.hours_from, s.hours_until - interval '1 hour', interval '1 hour')
         AS h (hour)
) AS p
WHERE s.value_stream_id = CAST(:stream_id AS integer)
  AND NOT EXISTS (
      SELECT FROM kept_searches k
      WHERE k.value_stream_id = s.value_stream_id AND k.starts = p.starts AND k.ends = p.ends)
ORDER BY p.starts DESC
LIMIT CAST(:most AS integer);
