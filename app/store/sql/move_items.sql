-- Move items, each at most once: those whose move is plain. Rows that are not answered were not
-- moved, and nothing was done about them: they are for the long way, which knows why.
--   item_ids ... keys  arrays, one element per move
--   grace, ahead       intervals: how far before and after now a stated instant is plain
-- A move is plain when nobody else holds its item or its stream's definition, nothing that the
-- caller expects is otherwise, no rule of the stream speaks about it, and it comes last.
WITH asked AS MATERIALIZED (
    SELECT *
    FROM unnest(
        CAST(:item_ids AS bigint[]), CAST(:to_stages AS text[]), CAST(:instants AS timestamptz[]),
        CAST(:reasons AS text[]), CAST(:actor_kinds AS text[]), CAST(:versions AS bigint[]),
        CAST(:stages AS text[]), CAST(:keys AS text[])
    ) AS asked (item_id, to_stage, instant, reason, actor_kind, version_then, stage_then, key)
),
-- in the order of ids, and nobody is waited for: one that is held does not hold up the others
item AS MATERIALIZED (
    SELECT asked.*, i.id, i.value_stream_id, i.version, i.cancelled_at, i.effective_created_at,
           i.started_at, i.finished_at, i.current_stage_id, i.current_stage_since,
           i.last_transition_at, i.updated_at
    FROM asked
    JOIN work_items i ON i.id = asked.item_id
    ORDER BY i.id
    FOR NO KEY UPDATE OF i SKIP LOCKED
),
stream AS MATERIALIZED (
    SELECT v.id
    FROM (SELECT DISTINCT value_stream_id FROM item) AS of_items
    JOIN value_streams v ON v.id = of_items.value_stream_id
    WHERE v.move_policy = 'open' AND v.backward_reason = 'open'
      AND share_definition(of_items.value_stream_id) = v.xmin
),
-- names are compared as ASCII only; the long way knows the rest of Unicode
place AS MATERIALIZED (
    SELECT z.stage_id, z.value_stream_id, z.name, lower(z.name COLLATE "C") AS plain_name, z.zone,
           s.wip_limit IS NOT NULL AND s.wip_policy <> 'observe' AND z.zone <> 'done' AS is_limited
    FROM stream
    CROSS JOIN LATERAL (
        SELECT * FROM stage_zones WHERE value_stream_id = stream.id OFFSET 0
    ) AS z
    JOIN stages s ON s.id = z.stage_id
),
-- the clock is read here, after the item was locked
plain AS MATERIALIZED (
    SELECT item.*, entered.stage_id, entered.name AS entered_name, entered.zone,
           clock_timestamp() AS now
    FROM item
    JOIN place entered ON entered.value_stream_id = item.value_stream_id
                      AND entered.plain_name = lower(item.to_stage COLLATE "C")
    WHERE item.cancelled_at IS NULL
      AND NOT entered.is_limited
      AND (item.version_then IS NULL OR item.version_then = item.version)
      AND (item.stage_then IS NULL OR EXISTS (
              SELECT FROM place
              WHERE place.stage_id = item.current_stage_id
                AND place.plain_name = lower(item.stage_then COLLATE "C")))
      AND (item.key IS NULL OR NOT EXISTS (
              SELECT FROM idempotency_keys k WHERE k.key = item.key))
),
last AS MATERIALIZED (
    SELECT plain.*, coalesce(instant, greatest(now, last_transition_at)) AS moved_at,
           nextval('stage_transitions_id_seq') AS move_id
    FROM plain
    WHERE instant IS NULL
       OR (instant >= coalesce(last_transition_at, instant)
           AND instant BETWEEN now - CAST(:grace AS interval) AND now + CAST(:ahead AS interval))
),
added AS (
    INSERT INTO stage_transitions (id, work_item_id, value_stream_id, from_stage_id,
                                   from_stage_since, to_stage_id, timestamp, reason, actor_kind)
    OVERRIDING SYSTEM VALUE
    SELECT move_id, id, value_stream_id, current_stage_id, current_stage_since, stage_id, moved_at,
           reason, actor_kind
    FROM last
),
-- the facts after one more move, as `ItemFacts.after` tells them
moved AS (
    UPDATE work_items i
    SET effective_created_at = least(last.effective_created_at, moved_at),
        started_at = coalesce(last.started_at, CASE WHEN zone <> 'todo' THEN moved_at END),
        finished_at = coalesce(last.finished_at, CASE WHEN zone = 'done' THEN moved_at END),
        current_stage_id = stage_id,
        current_stage_since = CASE WHEN last.current_stage_id = stage_id
                                   THEN last.current_stage_since ELSE moved_at END,
        last_transition_at = moved_at,
        version = last.version + 1,
        updated_at = greatest(last.updated_at, now)
    FROM last
    WHERE i.id = last.id
)
SELECT last.id AS work_item_id, move_id AS id, departed.name AS from_stage,
       entered_name AS to_stage, moved_at AS timestamp, version + 1 AS version
FROM last
LEFT JOIN stages departed ON departed.id = last.current_stage_id;
