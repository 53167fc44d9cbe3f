-- What is kept of the ways that the items finished in some pieces of time took, by type and stages
-- joined.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
SELECT k.type, k.left_id, k.entered_id,
       sum(k.n) AS n, sum(k.left_us) AS left_us, sum(k.rework_us) AS rework_us,
       sum(k.returned_n) AS returned_n, sum(k.first_rework_n) AS first_rework_n
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS d (starts, ends)
JOIN kept_paths k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY k.type, k.left_id, k.entered_id;
