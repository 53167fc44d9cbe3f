-- What is kept of the ages at which the items finished in some pieces of time had left each stage.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
SELECT k.type, k.stage_id, sum(k.n) AS n, sum(k.us) AS us, array_agg(k.passes) AS passes
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
JOIN kept_passes k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY k.type, k.stage_id;
