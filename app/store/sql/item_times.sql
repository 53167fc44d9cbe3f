-- How long the items finished in the window [starts, ends) had been in each stage in doing.
--   stream_id  integer
--   starts, ends  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- One row for each item and stage, and one with stage_id NULL for an item without any time. Each move
-- tells the stage it left and since when, so the moves up to the first finish are all that is needed.
WITH doing AS MATERIALIZED (
    SELECT stage_id
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
)
SELECT i.id, s.stage_id, s.us
FROM work_items i
LEFT JOIN LATERAL (
    SELECT t.from_stage_id AS stage_id,
           sum(span_us(t.from_stage_since, t.timestamp, CAST(:calendar AS integer))) AS us
    FROM stage_transitions t
    JOIN doing d ON d.stage_id = t.from_stage_id
    WHERE t.work_item_id = i.id
      AND t.timestamp <= i.finished_at
      AND t.voided_at IS NULL
      AND t.from_stage_id <> t.to_stage_id
    GROUP BY t.from_stage_id
) s ON true
WHERE i.value_stream_id = CAST(:stream_id AS integer)
  AND i.finished_at >= CAST(:starts AS timestamptz)
  AND i.finished_at < CAST(:ends AS timestamptz)
  AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])));
