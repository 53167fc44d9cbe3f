-- What is kept of the entries into doing and the exits from it in some pieces of time, by slot.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   slots  integer[]: the bucket of the window that each piece counts for, from 0, or below 0 a phase
--   types  text[]: only items of these types; NULL for all
SELECT d.slot, sum(k.entered_n) AS entered_n, sum(k.left_n) AS left_n,
       sum(k.reentered_us) AS reentered_us, sum(k.exited_us) AS exited_us
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]))
     AS d (starts, ends, slot)
JOIN kept_crossings k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY d.slot;
