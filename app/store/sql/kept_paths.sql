-- What is kept of the ways that the items finished on some days took, by type and stages joined.
--   stream_id  integer
--   dates  date[]
--   types  text[]: only items of these types; NULL for all
SELECT k.type, k.left_id, k.entered_id,
       sum(k.n) AS n, sum(k.left_us) AS left_us, sum(k.rework_us) AS rework_us,
       sum(k.returned_n) AS returned_n, sum(k.first_rework_n) AS first_rework_n
FROM day_paths k
WHERE k.value_stream_id = CAST(:stream_id AS integer)
  AND k.date = ANY (CAST(:dates AS date[]))
  AND (CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[])))
GROUP BY k.type, k.left_id, k.entered_id;
