-- Which of some kept pieces of time have been searched for what is odd, since they were last kept.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
SELECT d.starts, d.ends
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
JOIN kept_searches k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends;
