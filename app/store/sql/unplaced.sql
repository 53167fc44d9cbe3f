-- Items created in the window [starts, ends) that had not been in any stage by as_of, and moves that
-- lie later than as_of although they had been told by then.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   first  integer: name at most so many items of either, lowest ids first
-- One row: how many, and the items (bigint[]); of moves, how many items they are of as well.
WITH nowhere AS (
    SELECT i.id, i.effective_created_at, i.type
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.current_stage_id IS NULL
      AND i.cancelled_at IS NULL
    UNION ALL
    SELECT i.id, i.effective_created_at, i.type
    FROM (
        SELECT id, effective_created_at, type, current_stage_id
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND cancelled_at >= CAST(:starts AS timestamptz)
        OFFSET 0  -- by the index of cancellations, which are few
    ) i
    WHERE i.current_stage_id IS NULL
    UNION ALL
    -- their first move came later
    SELECT i.id, i.effective_created_at, i.type
    FROM stages s
    JOIN stage_transitions t
      ON t.value_stream_id = s.value_stream_id
     AND t.from_stage_id IS NULL
     AND t.to_stage_id = s.id
     AND t.timestamp > CAST(:as_of AS timestamptz)
     AND t.voided_at IS NULL
    JOIN work_items i ON i.id = t.work_item_id
    WHERE s.value_stream_id = CAST(:stream_id AS integer)
),
unplaced AS (
    SELECT id
    FROM nowhere
    WHERE effective_created_at >= CAST(:starts AS timestamptz)
      AND effective_created_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
),
future AS (
    SELECT t.work_item_id AS id
    FROM stage_transitions t
    JOIN work_items i ON i.id = t.work_item_id
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp > CAST(:as_of AS timestamptz)
      -- nothing is taken in that lies more than five minutes ahead
      AND t.timestamp <= CAST(:as_of AS timestamptz) + interval '6 minutes'
      AND t.recorded_at <= CAST(:as_of AS timestamptz)
      AND t.voided_at IS NULL
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
)
SELECT (SELECT count(*) FROM unplaced) AS items_without_transition,
       (SELECT (array_agg(id ORDER BY id))[1:CAST(:first AS integer)] FROM unplaced) AS unplaced_items,
       (SELECT count(*) FROM future) AS ignored_future,
       (SELECT count(DISTINCT id) FROM future) AS future_items_total,
       (SELECT (array_agg(DISTINCT id ORDER BY id))[1:CAST(:first AS integer)] FROM future)
           AS future_items;
