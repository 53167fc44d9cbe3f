-- Create items, each with its first move: those whose creation is plain. Positions that are not
-- answered were not created, and nothing was done about them: they are for the long way.
--   titles ... keys  arrays, one element per item; stage and stream may be NULL: the first, the
--                    default one
-- A creation is plain when nobody else holds the stream's definition, no limit speaks about the
-- stage, and nobody has the external key or the idempotency key.
WITH asked AS MATERIALIZED (
    SELECT *
    FROM unnest(
        CAST(:titles AS text[]), CAST(:types AS text[]), CAST(:stages AS text[]),
        CAST(:streams AS text[]), CAST(:sources AS text[]), CAST(:external_keys AS text[]),
        CAST(:reasons AS text[]), CAST(:actor_kinds AS text[]), CAST(:keys AS text[])
    ) WITH ORDINALITY AS asked (title, type, stage, stream, source, external_key, reason,
                                actor_kind, key, position)
),
stream AS MATERIALIZED (
    SELECT named.stream, v.id, v.key
    FROM (SELECT DISTINCT stream FROM asked) AS named
    JOIN value_streams v ON CASE WHEN named.stream IS NULL THEN v.is_default
                                 ELSE v.key = named.stream END
    WHERE share_definition(v.id) = v.xmin
),
-- names are compared as ASCII only; the long way knows the rest of Unicode
place AS MATERIALIZED (
    SELECT stream.stream, stream.key AS stream_key, z.stage_id, z.value_stream_id, z.name,
           lower(z.name COLLATE "C") AS plain_name, z.zone,
           z."order" = min(z."order") OVER (PARTITION BY stream.stream) AS is_first,
           s.wip_limit IS NOT NULL AND s.wip_policy <> 'observe' AND z.zone <> 'done' AS is_limited
    FROM stream
    CROSS JOIN LATERAL (
        SELECT * FROM stage_zones WHERE value_stream_id = stream.id OFFSET 0
    ) AS z
    JOIN stages s ON s.id = z.stage_id
),
plain AS MATERIALIZED (
    SELECT asked.*, entered.stage_id, entered.value_stream_id, entered.zone,
           entered.name AS entered_name, entered.stream_key, clock_timestamp() AS now,
           nextval('work_items_id_seq') AS id, nextval('stage_transitions_id_seq') AS move_id
    FROM asked
    JOIN place entered ON entered.stream IS NOT DISTINCT FROM asked.stream
                      AND CASE WHEN asked.stage IS NULL THEN entered.is_first
                               ELSE entered.plain_name = lower(asked.stage COLLATE "C") END
    WHERE NOT entered.is_limited
      AND (asked.key IS NULL OR NOT EXISTS (
              SELECT FROM idempotency_keys k WHERE k.key = asked.key))
),
-- the facts after the first move, as `ItemFacts.after` tells them
created AS (
    INSERT INTO work_items (id, value_stream_id, title, type, created_at, updated_at, source,
                            external_key, effective_created_at, started_at, finished_at,
                            current_stage_id, current_stage_since, last_transition_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, value_stream_id, title, type, now, now, source, external_key, now,
           CASE WHEN zone <> 'todo' THEN now END, CASE WHEN zone = 'done' THEN now END,
           stage_id, now, now
    FROM plain
    ON CONFLICT (value_stream_id, source, external_key) DO NOTHING
    RETURNING id, created_at, started_at, finished_at
),
moved AS (
    INSERT INTO stage_transitions (id, work_item_id, value_stream_id, to_stage_id, timestamp,
                                   reason, actor_kind)
    OVERRIDING SYSTEM VALUE
    SELECT move_id, id, value_stream_id, stage_id, now, reason, actor_kind
    FROM plain
    JOIN created USING (id)
)
SELECT position, id, value_stream_id, created_at, started_at, finished_at, stage_id,
       entered_name AS stage, stream_key
FROM plain
JOIN created USING (id);
