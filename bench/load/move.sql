-- For pgbench: one item moves to one of its stream's stages, now. The leanest statement that leaves
-- the same rows as the service: lock, log, facts, version, and the names for the answer.
\set id random(1, :items)
\set to random(1, 6)
WITH item AS MATERIALIZED (
    SELECT locked.*, clock_timestamp() AS now
    FROM (SELECT * FROM work_items WHERE id = :id AND cancelled_at IS NULL FOR NO KEY UPDATE) locked
), entered AS (
    SELECT s.id, s.name, s.category
    FROM stages s JOIN item ON s.value_stream_id = item.value_stream_id
    WHERE s."order" = :to AND s.retired_at IS NULL
), added AS (
    INSERT INTO stage_transitions (work_item_id, value_stream_id, from_stage_id, from_stage_since,
                                   to_stage_id, timestamp)
    SELECT item.id, value_stream_id, current_stage_id, current_stage_since, entered.id,
           greatest(now, last_transition_at)
    FROM item, entered
    RETURNING id, from_stage_id, timestamp
), moved AS (
    UPDATE work_items i
    SET started_at = coalesce(i.started_at,
                              CASE WHEN entered.category <> 'wait' THEN added.timestamp END),
        finished_at = coalesce(i.finished_at,
                               CASE WHEN entered.category = 'done' THEN added.timestamp END),
        current_stage_id = entered.id,
        current_stage_since = CASE WHEN i.current_stage_id = entered.id
                                   THEN i.current_stage_since ELSE added.timestamp END,
        last_transition_at = added.timestamp,
        version = i.version + 1,
        updated_at = greatest(i.updated_at, added.timestamp)
    FROM entered, added
    WHERE i.id = :id
    RETURNING i.version
)
SELECT added.id, departed.name, entered.name, added.timestamp, moved.version
FROM added CROSS JOIN entered CROSS JOIN moved
LEFT JOIN stages departed ON departed.id = added.from_stage_id;
