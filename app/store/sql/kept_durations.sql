-- The durations kept of some days, sorted and packed as in part_durations.sql.
--   stream_id  integer
--   dates  date[]
--   types  text[]: only items of these types; NULL for all
SELECT k.measure, k.stage_id, k.type, k.packed_us
FROM day_durations k
WHERE k.value_stream_id = CAST(:stream_id AS integer)
  AND k.date = ANY (CAST(:dates AS date[]))
  AND (CAST(:types AS text[]) IS NULL OR k.type = ANY (CAST(:types AS text[])));
