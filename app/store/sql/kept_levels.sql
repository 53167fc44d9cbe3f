-- What is kept of how many items lay in each stage in some pieces of time; see part_levels.sql.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   type  text: of items of this type; '' for all together
-- Stage 0 has a row for each piece of which it is kept.
SELECT k.starts, k.stage_id, k.step, k.levels, k.spent
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
JOIN kept_levels k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE k.type = CAST(:type AS text) OR k.stage_id = 0;
