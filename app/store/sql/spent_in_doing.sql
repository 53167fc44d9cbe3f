-- For how long the items that are in doing now have been there, all their visits added up.
--   stream_id  integer
--   until  timestamptz: the visits that last are counted up to here, also where it lies before them
--   types  text[]: only items of these types; NULL for all
WITH doing AS MATERIALIZED (
    SELECT stage_id
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
),
-- stage by stage and item by item, by index: hence OFFSET 0
spent AS MATERIALIZED (
    SELECT span_us(i.current_stage_since, CAST(:until AS timestamptz))
               + coalesce(past.spent_us, 0) AS us
    FROM doing z
    CROSS JOIN LATERAL (
        SELECT id, current_stage_since
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND current_stage_id = z.stage_id
          AND cancelled_at IS NULL
          AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
        OFFSET 0
    ) i
    CROSS JOIN LATERAL (
        SELECT sum(span_us(t.from_stage_since, t.timestamp)) AS spent_us
        FROM stage_transitions t
        JOIN doing d ON d.stage_id = t.from_stage_id
        WHERE t.work_item_id = i.id
          AND t.voided_at IS NULL
          AND t.from_stage_id <> t.to_stage_id
        OFFSET 0
    ) past
)
SELECT coalesce(sum(us), 0) AS spent_us FROM spent;
