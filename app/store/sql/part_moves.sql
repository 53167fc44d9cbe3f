-- Moves and cancellations in each of several spans of time, by type and by the stages they join.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- span is the number of the span, from 1. left_id is 0 for a first move, or for an item cancelled in
-- no stage; entered_id is 0 for a cancellation. Moves to the stage in force have left_id = entered_id
-- and are no moves. until_end_us adds up the time from each event to the span's end, visit_us the
-- time of the visits that the moves ended, a part of which (instant_n) had no length. mismatch_n
-- moves were told with another stage left than the log has. visits are the times of the visits in
-- microseconds, ascending, packed as 8-byte integers with the most significant byte first.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
-- Visits are put in order group by group: one order of all moves would take far longer. Span by span
-- and by index, whatever the planner thinks of how long a span is: hence OFFSET 0.
moved AS (
    SELECT span, type, left_id, entered_id,
           count(*) AS n,
           sum(until_end_us) AS until_end_us,
           coalesce(sum(visit_us), 0) AS visit_us,
           count(*) FILTER (WHERE is_instant) AS instant_n,
           count(*) FILTER (WHERE is_otherwise) AS mismatch_n,
           array_agg(visit_us) FILTER (WHERE left_id <> entered_id AND left_id <> 0) AS visits
    FROM (
        SELECT s.span, k.type,
               coalesce(t.from_stage_id, 0) AS left_id, t.to_stage_id AS entered_id,
               span_us(t.timestamp, s.ends) AS until_end_us,
               span_us(t.from_stage_since, t.timestamp, CAST(:calendar AS integer)) AS visit_us,
               t.timestamp = t.from_stage_since AS is_instant,
               t.asserted_from_stage_id IS NOT NULL
                   -- who named a stage that has been merged into another one since meant that one
                   AND coalesce(a.merged_into, t.asserted_from_stage_id)
                       IS DISTINCT FROM t.from_stage_id AS is_otherwise
        FROM spans s
        CROSS JOIN LATERAL (
            SELECT work_item_id, from_stage_id, to_stage_id, timestamp, from_stage_since,
                   asserted_from_stage_id
            FROM stage_transitions
            WHERE value_stream_id = CAST(:stream_id AS integer)
              AND timestamp >= s.starts
              AND timestamp < s.ends
              AND voided_at IS NULL
            OFFSET 0
        ) t
        -- one row by key for each item: a join would read all items; "C" sorts fast
        CROSS JOIN LATERAL (
            SELECT i.type COLLATE "C" AS type FROM work_items i WHERE i.id = t.work_item_id OFFSET 0
        ) k
        LEFT JOIN stages a ON a.id = t.asserted_from_stage_id
        OFFSET 0
    ) AS moves
    WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
    GROUP BY span, type, left_id, entered_id
),
cancellations AS MATERIALIZED (
    SELECT s.span, i.type COLLATE "C" AS type, coalesce(i.current_stage_id, 0) AS left_id,
           span_us(i.cancelled_at, s.ends) AS until_end_us,
           i.finished_at IS NULL AS is_unfinished, i.started_at IS NOT NULL AS is_started
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT type, current_stage_id, cancelled_at, finished_at, started_at
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND cancelled_at >= s.starts
          AND cancelled_at < s.ends
        OFFSET 0
    ) i
)
SELECT span, type, left_id, entered_id, n, until_end_us, visit_us, instant_n, mismatch_n,
       0 AS discarded_n,
       0 AS discarded_started_n,
       (SELECT string_agg(int8send(us), ''::bytea ORDER BY us) FROM unnest(visits) AS each (us))
           AS visits
FROM moved
UNION ALL
SELECT span, type, left_id, 0, count(*), sum(until_end_us), 0, 0, 0,
       count(*) FILTER (WHERE is_unfinished),
       count(*) FILTER (WHERE is_unfinished AND is_started),
       NULL
FROM cancellations
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
GROUP BY span, type, left_id;
