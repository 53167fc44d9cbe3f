-- How long the items finished in the window [starts, ends) were blocked, by stage.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- A row per stage in which any of them was, and one without a stage, which tells by being there that
-- the stream has any blocks at all. Of blocks that overlap the union counts, from the item's start to
-- its finish.
WITH blocked AS (
    SELECT i.id, i.finished_at,
           range_agg(tstzrange(greatest(b.started_at, i.started_at),
                               least(b.ended_at, i.finished_at))) AS spans
    FROM item_blocks b
    JOIN work_items i ON i.id = b.work_item_id
    WHERE b.value_stream_id = CAST(:stream_id AS integer)
      AND b.voided_at IS NULL
      AND i.finished_at >= CAST(:starts AS timestamptz)
      AND i.finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
      AND b.started_at < i.finished_at
      AND coalesce(b.ended_at, 'infinity') > i.started_at
    GROUP BY i.id, i.finished_at
),
visits AS (
    SELECT b.id, t.from_stage_id AS stage_id, t.from_stage_since AS entered,
           least(t.timestamp, b.finished_at) AS exited
    FROM blocked b
    JOIN stage_transitions t ON t.work_item_id = b.id
    WHERE t.voided_at IS NULL
      AND t.from_stage_id <> t.to_stage_id
      AND t.from_stage_since < b.finished_at
)
SELECT v.stage_id,
       sum(span_us(greatest(lower(s.span), v.entered), least(upper(s.span), v.exited),
                   CAST(:calendar AS integer))) AS blocked_us
FROM blocked b
CROSS JOIN LATERAL unnest(b.spans) AS s (span)
JOIN visits v ON v.id = b.id AND lower(s.span) < v.exited AND upper(s.span) > v.entered
GROUP BY v.stage_id
UNION ALL
SELECT NULL, 0
WHERE EXISTS (
    SELECT FROM item_blocks
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND started_at <= CAST(:as_of AS timestamptz)
      AND voided_at IS NULL
);
