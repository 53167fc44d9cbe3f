-- What is kept of the items created, started and finished on some days, by phase and type.
--   stream_id  integer
--   dates  date[];  phases  integer[]: the phase that each day counts for
--   ends  timestamptz[]: where each day ends
--   until  timestamptz: created_until_end_us is counted up to here
--   types  text[]: only items of these types; NULL for all
-- cycles and leads hold, for phase 0 alone, what is packed of each day.
SELECT d.phase, k.type,
       sum(k.created_n) AS created_n,
       sum(k.created_until_end_us + k.created_n * span_us(d.ends, CAST(:until AS timestamptz)))
           AS created_until_end_us,
       sum(k.late_n) AS late_n, sum(k.started_n) AS started_n, sum(k.finished_n) AS finished_n,
       sum(k.cycle_us) AS cycle_us, sum(k.lead_us) AS lead_us,
       array_agg(k.cycles) FILTER (WHERE d.phase = 0 AND k.cycles IS NOT NULL) AS cycles,
       array_agg(k.leads) FILTER (WHERE d.phase = 0 AND k.leads IS NOT NULL) AS leads
FROM unnest(CAST(:dates AS date[]), CAST(:phases AS integer[]), CAST(:ends AS timestamptz[]))
     AS d (date, phase, ends)
JOIN day_items k ON k.value_stream_id = CAST(:stream_id AS integer) AND k.date = d.date
WHERE CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[]))
GROUP BY d.phase, k.type;
