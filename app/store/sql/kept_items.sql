-- What is kept of the items created, started and finished in some pieces of time, by slot and type.
--   stream_id  integer
--   starts, ends  timestamptz[]: the pieces, [starts, ends) each
--   slots  integer[]: the bucket of the window that each piece counts for, from 0, or below 0 a phase
--   untils  timestamptz[]: created_until_end_us is counted up to here
--   types  text[]: only items of these types; NULL for all
--   by_type  boolean: false adds up all types, as type ''
-- cycles and leads hold, for the window's buckets alone, what is packed of each piece.
SELECT d.slot, CASE WHEN CAST(:by_type AS boolean) THEN k.type ELSE '' END AS type,
       sum(k.created_n) AS created_n,
       sum(k.created_until_end_us + k.created_n * span_us(d.ends, d.until)) AS created_until_end_us,
       sum(k.late_n) AS late_n, sum(k.started_n) AS started_n, sum(k.finished_n) AS finished_n,
       sum(k.cycle_us) AS cycle_us, sum(k.lead_us) AS lead_us,
       array_agg(k.cycles) FILTER (WHERE d.slot >= 0 AND k.cycles IS NOT NULL) AS cycles,
       array_agg(k.leads) FILTER (WHERE d.slot >= 0 AND k.leads IS NOT NULL) AS leads
FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]),
            CAST(:untils AS timestamptz[])) AS d (starts, ends, slot, until)
JOIN kept_items k
  ON k.value_stream_id = CAST(:stream_id AS integer) AND k.starts = d.starts AND k.ends = d.ends
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY 1, 2;
