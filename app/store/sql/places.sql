-- Where the items of one value stream lie now, in todo and doing, how far they have ever come, and if
-- asked for by type.
--   stream_id  integer
--   types  text[]: only items of these types; NULL for all
--   by_type  boolean: tell types apart
-- mark is the largest order that the items have come to. What was cancelled lies nowhere.
WITH zones AS MATERIALIZED (
    SELECT stage_id, "order" AS place, zone
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer)
),
-- stage by stage and item by item, by index: hence OFFSET 0
lying AS MATERIALIZED (
    SELECT z.stage_id, reached.mark,
           CASE WHEN CAST(:by_type AS boolean) THEN i.type ELSE '' END AS type
    FROM zones z
    CROSS JOIN LATERAL (
        SELECT id, type
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND current_stage_id = z.stage_id
          AND cancelled_at IS NULL
          AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
        OFFSET 0
    ) i
    CROSS JOIN LATERAL (
        SELECT max(p.place) AS mark
        FROM stage_transitions t
        JOIN zones p ON p.stage_id = t.to_stage_id
        WHERE t.work_item_id = i.id AND t.voided_at IS NULL
        OFFSET 0
    ) reached
    WHERE z.zone <> 'done'
)
SELECT type, stage_id, mark, count(*) AS items
FROM lying
GROUP BY type, stage_id, mark;
