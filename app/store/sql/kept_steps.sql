-- What is kept of the moves and cancellations in some pieces of time, by slot, stages joined, how far
-- the items had come before, and if asked for by type.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   slots  integer[]: the bucket of the window that each piece counts for, from 0, or below 0 a phase
--   types  text[]: only items of these types; NULL for all
--   by_type  boolean: tell types apart
SELECT d.slot, CASE WHEN CAST(:by_type AS boolean) THEN k.type ELSE '' END AS type, k.left_id, k.entered_id, k.mark,
       sum(k.n) AS n, sum(k.discarded_n) AS discarded_n
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]))
     AS d (starts, ends, slot)
JOIN kept_steps k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY d.slot, 2, k.left_id, k.entered_id, k.mark;
