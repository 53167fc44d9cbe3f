-- What is odd about the items of one value stream that were created or finished in the window
-- [starts, ends).
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   first  integer: name at most so many items for each rule, lowest ids first
-- One row for each rule: population, found, items_total and items (bigint[]).
WITH created AS (
    SELECT i.id,
           i.created_at > i.effective_created_at AS is_late,
           -- the log need not be asked about an item that entered its stage by then
           CASE WHEN i.current_stage_since <= CAST(:as_of AS timestamptz) THEN false
                ELSE NOT EXISTS (
                    SELECT FROM stage_transitions t
                    WHERE t.work_item_id = i.id
                      AND t.timestamp <= CAST(:as_of AS timestamptz)
                      AND t.voided_at IS NULL
                ) END AS is_nowhere
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.effective_created_at >= CAST(:starts AS timestamptz)
      AND i.effective_created_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
finished AS (
    SELECT i.id, i.finished_at = i.started_at AS is_at_once
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.finished_at >= CAST(:starts AS timestamptz)
      AND i.finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
looked_at AS (
    SELECT 'items_without_transition' AS rule, id, is_nowhere AS is_found FROM created
    UNION ALL
    SELECT 'created_after_first_transition', id, is_late FROM created
    UNION ALL
    SELECT 'completed_without_start', id, is_at_once FROM finished
)
SELECT rule,
       count(*) AS population,
       count(*) FILTER (WHERE is_found) AS found,
       count(*) FILTER (WHERE is_found) AS items_total,
       (array_agg(id ORDER BY id) FILTER (WHERE is_found))[1:CAST(:first AS integer)] AS items
FROM looked_at
GROUP BY rule;
