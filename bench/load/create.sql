-- For pgbench: one item is created in the first stage of the default stream, with its first move.
WITH stage AS (
    SELECT s.id, s.name, s.value_stream_id, clock_timestamp() AS now
    FROM stages s JOIN value_streams v ON v.id = s.value_stream_id
    WHERE v.is_default AND s.retired_at IS NULL
    ORDER BY s."order"
    LIMIT 1
), created AS (
    INSERT INTO work_items (value_stream_id, title, type, created_at, updated_at,
                            effective_created_at, current_stage_id, current_stage_since,
                            last_transition_at)
    SELECT value_stream_id, 'Pay by invoice', 'feature', now, now, now, id, now, now FROM stage
    RETURNING id, value_stream_id, created_at, current_stage_id
), moved AS (
    INSERT INTO stage_transitions (work_item_id, value_stream_id, to_stage_id, timestamp)
    SELECT id, value_stream_id, current_stage_id, created_at FROM created
    RETURNING id
)
SELECT created.id, created.created_at, stage.name, moved.id FROM created, stage, moved;
