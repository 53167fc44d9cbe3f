-- Append the staged moves that are not known to the log, in the order they were told. Those of new
-- items tell what they left; those of known items are completed by derive_facts.sql.
--   stream_id   integer
--   begin, end  integer: positions of items, half-open
-- Returns how many there are, the earliest one's instant, and which known items have moved.
WITH ordered AS (
    SELECT t.*, i.id AS work_item_id, i.known,
           lag(to_stage_id) OVER (PARTITION BY item ORDER BY timestamp, t.position) AS left_stage_id
    FROM staged_transitions t
    JOIN staged_items i ON i.position = t.item
    WHERE t.item >= :begin AND t.item < :end
),
log AS (
    SELECT ordered.*,
           -- the visit that a move ends began with the last real move before it
           max(timestamp) FILTER (WHERE to_stage_id IS DISTINCT FROM left_stage_id)
               OVER (PARTITION BY item ORDER BY timestamp, position
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS left_stage_since
    FROM ordered
),
added AS (
    INSERT INTO stage_transitions (work_item_id, value_stream_id, from_stage_id, to_stage_id,
                                   timestamp, from_stage_since, asserted_from_stage_id,
                                   source_event_id, reason, actor_kind)
    SELECT work_item_id, :stream_id, CASE WHEN NOT known THEN left_stage_id END, to_stage_id,
           timestamp, CASE WHEN NOT known THEN left_stage_since END, asserted_from_stage_id,
           source_event_id, reason, actor_kind
    FROM log
    ORDER BY item, position
    ON CONFLICT (work_item_id, source_event_id) DO NOTHING
    RETURNING work_item_id, timestamp
)
SELECT count(*) AS created,
       min(timestamp) AS earliest,
       ARRAY(
           SELECT id FROM staged_items
           WHERE position >= :begin AND position < :end AND known
             AND id IN (SELECT work_item_id FROM added)
           ORDER BY id
       ) AS known
FROM added
