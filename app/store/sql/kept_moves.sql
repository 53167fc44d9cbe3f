-- What is kept of the moves and cancellations on some days, by phase, type and stages joined.
--   stream_id  integer
--   dates  date[];  phases  integer[]: the phase that each day counts for
--   ends  timestamptz[]: where each day ends
--   until  timestamptz: until_end_us is counted up to here
--   types  text[]: only items of these types; NULL for all
-- visits holds, for phase 0 alone, what is packed of each day.
SELECT d.phase, k.type, k.left_id, k.entered_id,
       sum(k.n) AS n,
       sum(k.until_end_us + k.n * span_us(d.ends, CAST(:until AS timestamptz))) AS until_end_us,
       sum(k.visit_us) AS visit_us, sum(k.instant_n) AS instant_n,
       sum(k.mismatch_n) AS mismatch_n, sum(k.discarded_n) AS discarded_n,
       sum(k.discarded_started_n) AS discarded_started_n,
       array_agg(k.visits) FILTER (WHERE d.phase = 0 AND k.visits IS NOT NULL) AS visits
FROM unnest(CAST(:dates AS date[]), CAST(:phases AS integer[]), CAST(:ends AS timestamptz[]))
     AS d (date, phase, ends)
JOIN day_moves k ON k.value_stream_id = CAST(:stream_id AS integer) AND k.date = d.date
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY d.phase, k.type, k.left_id, k.entered_id;
