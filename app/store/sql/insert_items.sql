-- Write the new ones of the staged items, each with the facts that follow from its moves, as
-- derive_facts.sql finds them: a new item's whole log is staged.
--   stream_id   integer
--   begin, end  integer: positions of items, half-open
WITH ordered AS (
    SELECT item, position, timestamp, to_stage_id,
           lag(to_stage_id) OVER moves AS left_stage_id,
           lead(position) OVER moves IS NULL AS is_last
    FROM staged_transitions
    WHERE item >= :begin AND item < :end
    WINDOW moves AS (PARTITION BY item ORDER BY timestamp, position)
),
facts AS (
    SELECT item,
           min(timestamp) AS first_transition_at,
           max(timestamp) AS last_transition_at,
           min(timestamp) FILTER (WHERE z.zone <> 'todo') AS started_at,
           min(timestamp) FILTER (WHERE z.zone = 'done') AS finished_at,
           min(to_stage_id) FILTER (WHERE is_last) AS stage_id,
           max(timestamp) FILTER (WHERE to_stage_id IS DISTINCT FROM left_stage_id) AS stage_since
    FROM ordered
    JOIN stage_zones z ON z.stage_id = to_stage_id
    GROUP BY item
),
new AS (
    SELECT s.*, f.*, least(s.created_at, f.first_transition_at) AS effective_created_at,
           -- a cancellation from before the last move is outdated
           s.cancelled_at >= coalesce(f.last_transition_at, s.created_at) AS is_cancelled
    FROM staged_items s
    LEFT JOIN facts f ON f.item = s.position
    WHERE s.position >= :begin AND s.position < :end AND NOT s.known
)
INSERT INTO work_items (id, value_stream_id, title, type, created_at, updated_at, source,
                        external_key, cancelled_at, cancel_reason, effective_created_at,
                        started_at, finished_at, current_stage_id, current_stage_since,
                        last_transition_at)
OVERRIDING SYSTEM VALUE
SELECT id, :stream_id, title, type, created_at, greatest(created_at, now()), source, key,
       CASE WHEN is_cancelled THEN cancelled_at END, CASE WHEN is_cancelled THEN cancel_reason END,
       effective_created_at, started_at, finished_at, stage_id, stage_since, last_transition_at
FROM new
ORDER BY position
ON CONFLICT (value_stream_id, source, external_key) DO NOTHING
