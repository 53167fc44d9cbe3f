-- The items in process at as_of, with the stage they were in then, the oldest first.
--   stream_id  integer
--   as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--
-- The visit in force at as_of is either the one that the item's next move ended, which that move
-- tells, or the present one. An item cancelled by then is in no stage.
WITH doing AS (
    SELECT stage_id
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
),
visits AS (
    SELECT t.work_item_id, t.from_stage_id AS stage_id, t.from_stage_since AS since
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp > CAST(:as_of AS timestamptz)
      AND t.from_stage_since <= CAST(:as_of AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id <> t.to_stage_id
    UNION ALL
    SELECT i.id, i.current_stage_id, i.current_stage_since
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.cancelled_at IS NULL
      AND i.current_stage_id IN (SELECT stage_id FROM doing)
      AND i.current_stage_since <= CAST(:as_of AS timestamptz)
    UNION ALL
    SELECT i.id, i.current_stage_id, i.current_stage_since
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.cancelled_at > CAST(:as_of AS timestamptz)
      AND i.current_stage_since <= CAST(:as_of AS timestamptz)
)
SELECT i.id, i.title, i.type, v.stage_id, v.since, i.started_at,
       span_us(i.started_at, CAST(:as_of AS timestamptz), CAST(:calendar AS integer)) AS age_us,
       span_us(v.since, CAST(:as_of AS timestamptz), CAST(:calendar AS integer)) AS in_stage_us
FROM visits v
JOIN doing USING (stage_id)
JOIN work_items i ON i.id = v.work_item_id
WHERE CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[]))
ORDER BY i.started_at, i.id;
