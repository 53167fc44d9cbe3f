-- What is kept of the sources' moves in some pieces of time, piece by piece.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   of_type  text: of items of this type; '' for all types together
SELECT k.type, k.source, k.moves, k.first_at, k.last_at, k.longest_pause_us
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
JOIN kept_sources k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE k.type = CAST(:of_type AS text);
