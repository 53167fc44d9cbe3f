-- Moves and cancellations in each of several spans of time, by type, stages joined, and how far the
-- items had come before.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
-- span is the number of the span, from 1. left_id is 0 for a first move, or for an item cancelled in
-- no stage; entered_id is 0 for a cancellation, of which those of unfinished items are discarded_n.
-- What is cancelled in done stays delivered, and is left out. mark is the largest order that the items
-- had come to before, -2147483648 for none.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
zones AS MATERIALIZED (
    SELECT stage_id, "order" AS place, zone
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer)
),
-- span by span, and move by move by index: hence OFFSET 0
moves AS MATERIALIZED (
    SELECT s.span, t.work_item_id, k.type,
           coalesce(t.from_stage_id, 0) AS left_id, t.to_stage_id AS entered_id, earlier.mark
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, work_item_id, timestamp, from_stage_id, to_stage_id
        FROM stage_transitions
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND timestamp >= s.starts
          AND timestamp < s.ends
          AND voided_at IS NULL
          AND from_stage_id IS DISTINCT FROM to_stage_id
        OFFSET 0
    ) t
    -- one row by key for each item: a join would read all items; "C" sorts fast
    CROSS JOIN LATERAL (
        SELECT i.type COLLATE "C" AS type FROM work_items i WHERE i.id = t.work_item_id OFFSET 0
    ) k
    CROSS JOIN LATERAL (
        SELECT max(z.place) AS mark
        FROM stage_transitions e
        JOIN zones z ON z.stage_id = e.to_stage_id
        WHERE e.work_item_id = t.work_item_id
          AND (e.timestamp, e.id) < (t.timestamp, t.id)
          AND e.voided_at IS NULL
        OFFSET 0
    ) earlier
),
cancellations AS MATERIALIZED (
    SELECT s.span, i.type COLLATE "C" AS type, coalesce(i.current_stage_id, 0) AS left_id,
           i.finished_at IS NULL AS is_unfinished, earlier.mark
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, type, current_stage_id, finished_at
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND cancelled_at >= s.starts
          AND cancelled_at < s.ends
        OFFSET 0
    ) i
    LEFT JOIN zones at ON at.stage_id = i.current_stage_id
    CROSS JOIN LATERAL (
        SELECT max(z.place) AS mark
        FROM stage_transitions e
        JOIN zones z ON z.stage_id = e.to_stage_id
        WHERE e.work_item_id = i.id AND e.voided_at IS NULL
        OFFSET 0
    ) earlier
    WHERE at.zone IS DISTINCT FROM 'done'
)
SELECT span, type, left_id, entered_id, coalesce(mark, -2147483648) AS mark,
       count(*) AS n, 0 AS discarded_n
FROM moves
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
GROUP BY span, type, left_id, entered_id, mark
UNION ALL
SELECT span, type, left_id, 0, coalesce(mark, -2147483648), count(*),
       count(*) FILTER (WHERE is_unfinished)
FROM cancellations
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
GROUP BY span, type, left_id, mark;
