-- Derive from the log what each move left, and the facts of each item.
--   item_ids  bigint[]: the items whose log has changed
-- Moves are ordered by (timestamp, id); voided ones do not exist here. A move to the stage in
-- force is kept but starts no visit.
WITH wanted AS (
    SELECT unnest(CAST(:item_ids AS bigint[])) AS work_item_id
),
ordered AS (
    SELECT t.id, t.work_item_id, t.to_stage_id, t.timestamp,
           t.from_stage_id AS stored_from, t.from_stage_since AS stored_since,
           lag(t.to_stage_id) OVER moves AS left_stage_id
    FROM stage_transitions t
    JOIN wanted USING (work_item_id)
    WHERE t.voided_at IS NULL
    WINDOW moves AS (PARTITION BY t.work_item_id ORDER BY t.timestamp, t.id)
),
log AS (
    SELECT ordered.*,
           -- the visit that a move ends began with the last real move before it
           max(timestamp) FILTER (WHERE to_stage_id IS DISTINCT FROM left_stage_id)
               OVER (PARTITION BY work_item_id ORDER BY timestamp, id
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS left_stage_since
    FROM ordered
),
corrected AS (
    UPDATE stage_transitions t
    SET from_stage_id = log.left_stage_id, from_stage_since = log.left_stage_since
    FROM log
    WHERE t.id = log.id
      AND (log.left_stage_id, log.left_stage_since)
          IS DISTINCT FROM (log.stored_from, log.stored_since)
),
-- materialized: where few rows are expected, it would else be computed again for each item
facts AS MATERIALIZED (
    SELECT log.work_item_id,
           min(log.timestamp) AS first_transition_at,
           max(log.timestamp) AS last_transition_at,
           min(log.timestamp) FILTER (WHERE z.zone <> 'todo') AS started_at,
           min(log.timestamp) FILTER (WHERE z.zone = 'done') AS finished_at,
           (array_agg(log.to_stage_id ORDER BY log.timestamp DESC, log.id DESC))[1] AS stage_id,
           max(log.timestamp) FILTER (WHERE log.to_stage_id IS DISTINCT FROM log.left_stage_id)
               AS stage_since
    FROM log
    JOIN stage_zones z ON z.stage_id = log.to_stage_id
    GROUP BY log.work_item_id
)
UPDATE work_items i
SET effective_created_at = least(i.created_at, facts.first_transition_at),
    started_at = facts.started_at,
    finished_at = facts.finished_at,
    current_stage_id = facts.stage_id,
    current_stage_since = facts.stage_since,
    last_transition_at = facts.last_transition_at
FROM wanted
LEFT JOIN facts USING (work_item_id)
WHERE i.id = wanted.work_item_id;
