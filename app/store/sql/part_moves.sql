-- Moves and cancellations in each of several spans of time, by type and by the stages they join.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- span is the number of the span, from 1. left_id is 0 for a first move, or for an item cancelled in
-- no stage; entered_id is 0 for a cancellation. Moves to the stage in force have left_id = entered_id
-- and are no moves. until_end_us adds up the time from each event to the span's end, visit_us the
-- time of the visits that the moves ended, a part of which (instant_n) had no length. mismatch_n
-- moves were told with another stage left than the log has.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
parts AS (
    SELECT s.span, m.*, 0 AS discarded_n, 0 AS discarded_started_n
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT i.type, coalesce(t.from_stage_id, 0) AS left_id, t.to_stage_id AS entered_id,
               count(*) AS n,
               sum(span_us(t.timestamp, s.ends)) AS until_end_us,
               coalesce(sum(span_us(t.from_stage_since, t.timestamp, CAST(:calendar AS integer))),
                        0) AS visit_us,
               count(*) FILTER (WHERE t.timestamp = t.from_stage_since) AS instant_n,
               count(*) FILTER (
                   WHERE t.asserted_from_stage_id IS NOT NULL
                     AND t.asserted_from_stage_id IS DISTINCT FROM t.from_stage_id) AS mismatch_n
        FROM stage_transitions t
        JOIN work_items i ON i.id = t.work_item_id
        WHERE t.value_stream_id = CAST(:stream_id AS integer)
          AND t.timestamp >= s.starts AND t.timestamp < s.ends
          AND t.voided_at IS NULL
        GROUP BY i.type, 2, t.to_stage_id
    ) m
    UNION ALL
    SELECT s.span, c.type, c.left_id, 0, c.n, c.until_end_us, 0, 0, 0, c.discarded_n,
           c.discarded_started_n
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT i.type, coalesce(i.current_stage_id, 0) AS left_id, count(*) AS n,
               sum(span_us(i.cancelled_at, s.ends)) AS until_end_us,
               count(*) FILTER (WHERE i.finished_at IS NULL) AS discarded_n,
               count(i.started_at) FILTER (WHERE i.finished_at IS NULL) AS discarded_started_n
        FROM work_items i
        WHERE i.value_stream_id = CAST(:stream_id AS integer)
          AND i.cancelled_at >= s.starts AND i.cancelled_at < s.ends
        GROUP BY i.type, 2
    ) c
)
SELECT span, type, left_id, entered_id, n, until_end_us, visit_us, instant_n, mismatch_n,
       discarded_n, discarded_started_n
FROM parts
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]));
