-- What is kept of what is odd in some pieces of time, by rule; batches by stage and instant as well.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
SELECT k.rule, k.stage_id, k.at, sum(k.population) AS population, sum(k.n) AS n,
       string_agg(k.items, ''::bytea) AS items
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
JOIN kept_oddities k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY k.rule, k.stage_id, k.at;
