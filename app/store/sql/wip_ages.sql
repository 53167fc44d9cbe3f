-- The ages at as_of of the items in process then, in microseconds.
--   stream_id  integer
--   as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--
-- The same items as in in_process.sql, as one array: beside a percentile only their ages matter.
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
SELECT array_agg(span_us(i.started_at, CAST(:as_of AS timestamptz), CAST(:calendar AS integer)))
           AS ages_us
FROM visits v
JOIN doing USING (stage_id)
JOIN work_items i ON i.id = v.work_item_id
WHERE CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[]));
