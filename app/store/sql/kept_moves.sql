-- What is kept of the moves and cancellations in some pieces of time, by slot, type and stages joined.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   slots  integer[]: the bucket of the window that each piece counts for, from 0, or below 0 a phase
--   untils  timestamptz[]: until_end_us is counted up to here
--   types  text[]: only items of these types; NULL for all
--   by_type  boolean: false adds up all types, as type ''
--   with_visits  boolean: whether visits are wanted
-- visits holds, for the window's buckets alone, what is packed of each piece.
SELECT d.slot, CASE WHEN CAST(:by_type AS boolean) THEN k.type ELSE '' END AS type,
       k.left_id, k.entered_id,
       sum(k.n) AS n,
       sum(k.until_end_us + k.n * span_us(d.ends, d.until)) AS until_end_us,
       sum(k.visit_us) AS visit_us, sum(k.instant_n) AS instant_n,
       sum(k.mismatch_n) AS mismatch_n, sum(k.discarded_n) AS discarded_n,
       sum(k.discarded_started_n) AS discarded_started_n,
       array_agg(k.visits) FILTER (WHERE d.slot >= 0 AND k.visits IS NOT NULL
                                     AND CAST(:with_visits AS boolean)) AS visits
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]),
            CAST(:untils AS timestamptz[])) AS d (starts, ends, slot, until)
JOIN kept_moves k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY 1, 2, k.left_id, k.entered_id;
