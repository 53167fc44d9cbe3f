-- What is kept of the time that the items finished in some pieces of time spent, by slot and stage.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   slots  integer[]: the bucket of the window that each piece counts for, from 0
--   types  text[]: only items of these types; NULL for all
SELECT d.slot, k.left_id, sum(k.left_us) AS left_us
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]))
     AS d (starts, ends, slot)
JOIN kept_paths k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY d.slot, k.left_id;
