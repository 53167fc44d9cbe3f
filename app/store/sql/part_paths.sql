-- The ways that the items finished in each of several spans of time took through the stages: for
-- each type and pair of stages, the moves between them up to the finish.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- span is the number of the span, from 1; left_id is 0 for first moves. n moves; left_us, the time in
-- the stage left before them, rework_us, the part of it that repeated work; returned_n, the moves
-- that bring work back to the stage that had handed it on; first_rework_n, the items whose first
-- rework move is one of these.
--
-- A row of the log tells the visit that it ended, so most items need no more than a sum. Only of
-- items with a move backward is the order of their moves looked at.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
zones AS (
    SELECT stage_id, "order" AS place, zone
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer)
),
-- the kind of every possible move: first moves come from no stage
kinds AS (
    SELECT f.stage_id AS left_id, z.stage_id AS entered_id,
           f.zone AS left_zone, f.place AS left_place,
           coalesce(z.place < f.place, false) AS backward,
           coalesce(z.place > f.place, false) AS forward,
           coalesce(z.place < f.place AND z.zone = 'doing' AND f.zone = 'doing', false) AS rework
    FROM (SELECT stage_id, place, zone FROM zones UNION ALL SELECT 0, NULL, NULL) f
    CROSS JOIN zones z
),
-- span by span, item by item, and by index: hence OFFSET 0
finished AS MATERIALIZED (
    SELECT s.span, i.id, i.type COLLATE "C" AS type, i.finished_at
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, type, finished_at
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND finished_at >= s.starts
          AND finished_at < s.ends
        OFFSET 0
    ) i
    WHERE CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[]))
),
moves AS MATERIALIZED (
    SELECT f.span, f.type, f.id AS work_item_id, t.id, t.timestamp AS at,
           coalesce(t.from_stage_id, 0) AS left_id, t.to_stage_id AS entered_id,
           coalesce(span_us(t.from_stage_since, t.timestamp, CAST(:calendar AS integer)), 0)
               AS left_us
    FROM finished f
    CROSS JOIN LATERAL (
        SELECT id, timestamp, from_stage_id, to_stage_id, from_stage_since
        FROM stage_transitions
        WHERE work_item_id = f.id
          AND timestamp <= f.finished_at
          AND voided_at IS NULL
          AND from_stage_id IS DISTINCT FROM to_stage_id
        OFFSET 0
    ) t
),
turned_back AS (
    SELECT DISTINCT m.work_item_id
    FROM moves m
    JOIN kinds k USING (left_id, entered_id)
    WHERE k.backward
),
straight AS (
    SELECT m.span, m.type, m.left_id, m.entered_id, count(*) AS n, sum(m.left_us) AS left_us
    FROM moves m
    WHERE m.work_item_id NOT IN (SELECT work_item_id FROM turned_back)
    GROUP BY m.span, m.type, m.left_id, m.entered_id
),
in_order AS (
    SELECT m.*, k.left_zone, k.left_place, k.forward, k.rework,
           lead(k.forward) OVER course AS leaves_forward,
           max(k.left_place) FILTER (WHERE k.rework) OVER earlier AS sent_back_from,
           -- moves that follow the finish within its own instant are not on the way to it
           coalesce(bool_or(k.left_zone = 'done') OVER earlier, false) OR k.left_zone = 'done'
               AS after_finish
    FROM moves m
    JOIN turned_back b USING (work_item_id)
    JOIN kinds k USING (left_id, entered_id)
    WINDOW course AS (PARTITION BY m.work_item_id ORDER BY m.at, m.id),
           earlier AS (course ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
winding AS (
    SELECT o.*,
           -- whether the visit before this one to the same stage ended with a move forward
           lag(o.leaves_forward) OVER (PARTITION BY o.work_item_id, o.entered_id
                                       ORDER BY o.at, o.id) AS had_handed_on
    FROM in_order o
    WHERE o.after_finish IS NOT TRUE
),
pairs AS (
    SELECT span, type, left_id, entered_id, n, left_us, 0 AS rework_us, 0 AS returned_n,
           0 AS first_rework_n
    FROM straight
    UNION ALL
    SELECT span, type, left_id, entered_id, count(*), sum(left_us),
           coalesce(sum(left_us) FILTER (WHERE left_zone = 'doing'
                                           AND left_place <= sent_back_from), 0),
           count(*) FILTER (WHERE rework AND had_handed_on),
           count(*) FILTER (WHERE rework AND sent_back_from IS NULL)
    FROM winding
    GROUP BY span, type, left_id, entered_id
)
SELECT span, type, left_id, entered_id,
       sum(n) AS n, sum(left_us) AS left_us, sum(rework_us) AS rework_us,
       sum(returned_n) AS returned_n, sum(first_rework_n) AS first_rework_n
FROM pairs
GROUP BY span, type, left_id, entered_id;
