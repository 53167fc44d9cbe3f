-- How many items of each source were open at the end of the window [starts, ends), in a stage or in none
-- yet; source is NULL for items born in this service.
--   stream_id  integer
--   ends  timestamptz; as_of is not needed: ends lies at most 1 microsecond after it
--   types  text[]: only items of these types; NULL for all
WITH items AS NOT MATERIALIZED (
    SELECT i.source, i.effective_created_at, i.finished_at, i.cancelled_at, i.current_stage_id
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
unfinished AS (
    -- by index: what is open now, and what was finished or cancelled only since
    SELECT source, effective_created_at
    FROM items
    WHERE cancelled_at IS NULL AND finished_at IS NULL AND current_stage_id IS NULL
    UNION ALL
    -- stage by stage, whatever the planner thinks of how many lie there: hence OFFSET 0
    SELECT i.source, i.effective_created_at
    FROM stage_zones z
    CROSS JOIN LATERAL (
        SELECT source, effective_created_at, finished_at
        FROM items
        WHERE current_stage_id = z.stage_id AND cancelled_at IS NULL
        OFFSET 0
    ) i
    WHERE z.value_stream_id = CAST(:stream_id AS integer)
      AND z.zone <> 'done'
      AND i.finished_at IS NULL
    UNION ALL
    SELECT source, effective_created_at
    FROM items
    WHERE finished_at >= CAST(:ends AS timestamptz)
      AND (cancelled_at IS NULL OR cancelled_at >= CAST(:ends AS timestamptz))
    UNION ALL
    SELECT source, effective_created_at
    FROM items
    WHERE cancelled_at >= CAST(:ends AS timestamptz) AND finished_at IS NULL
)
SELECT source, count(*) AS open_items
FROM unfinished
WHERE effective_created_at < CAST(:ends AS timestamptz)
GROUP BY source;
