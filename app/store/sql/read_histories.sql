-- The histories of items: of each its moves as arrays, oldest first, and its stream.
--   item_ids  bigint[]
-- Items that were ever blocked are left out, as is whoever is not there: they are for the long way.
WITH item AS MATERIALIZED (
    SELECT i.id, i.value_stream_id, i.title, i.created_at, i.cancelled_at, i.version
    FROM work_items i
    WHERE i.id = ANY (CAST(:item_ids AS bigint[]))
      AND NOT EXISTS (SELECT FROM item_blocks b WHERE b.work_item_id = i.id)
),
stream AS MATERIALIZED (
    SELECT v.id, v.key, v.name, s.stages
    FROM (SELECT DISTINCT value_stream_id FROM item) AS of_items
    JOIN value_streams v ON v.id = of_items.value_stream_id
    CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(name, "order", type, category, id) ORDER BY "order")::text
                   AS stages
        FROM stages
        WHERE value_stream_id = v.id AND retired_at IS NULL
    ) AS s
)
SELECT item.id, item.value_stream_id, item.title, item.created_at, item.cancelled_at, item.version,
       stream.key AS stream_key, stream.name AS stream_name, stream.stages,
       moves.ids, moves.from_stages, moves.to_stages, moves.timestamps, moves.reasons,
       moves.actor_kinds, moves.events, clock_timestamp() AS as_of
FROM item
JOIN stream ON stream.id = item.value_stream_id
CROSS JOIN LATERAL (
    SELECT array_agg(id) AS ids, array_agg(from_stage) AS from_stages,
           array_agg(to_stage) AS to_stages, array_agg(timestamp) AS timestamps,
           array_agg(reason) AS reasons, array_agg(actor_kind) AS actor_kinds,
           array_agg(source_event_id) AS events
    FROM (
        SELECT t.id, departed.name AS from_stage, entered.name AS to_stage, t.timestamp, t.reason,
               t.actor_kind, t.source_event_id
        FROM stage_transitions t
        JOIN stages entered ON entered.id = t.to_stage_id
        LEFT JOIN stages departed ON departed.id = t.from_stage_id
        WHERE t.work_item_id = item.id AND t.voided_at IS NULL
        ORDER BY t.timestamp, t.id
    ) AS ordered
) AS moves;
