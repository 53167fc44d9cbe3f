-- What is kept of the ages at which the items finished on some days had left each stage.
--   stream_id  integer
--   dates  date[]
--   types  text[]: only items of these types; NULL for all
SELECT k.type, k.stage_id, sum(k.n) AS n, sum(k.us) AS us, array_agg(k.passes) AS passes
FROM day_passes k
WHERE k.value_stream_id = CAST(:stream_id AS integer)
  AND k.date = ANY (CAST(:dates AS date[]))
  AND (CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[])))
GROUP BY k.type, k.stage_id;
