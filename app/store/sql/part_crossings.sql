-- Entries into doing and exits from it in each of several spans of time, by type, and for how long the
-- items had been in doing by then.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
-- span is the number of the span, from 1. A cancellation in doing is an exit. reentered_us adds up the
-- time that items had been in doing at their entries, exited_us the time at their exits.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
doing AS MATERIALIZED (
    SELECT stage_id
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
),
-- span by span, by index: hence OFFSET 0
moves AS MATERIALIZED (
    SELECT s.span, t.id, t.work_item_id, t.timestamp AS at, f.stage_id IS NOT NULL AS is_exit
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, work_item_id, timestamp, from_stage_id, to_stage_id
        FROM stage_transitions
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND timestamp >= s.starts
          AND timestamp < s.ends
          AND voided_at IS NULL
        OFFSET 0
    ) t
    LEFT JOIN doing f ON f.stage_id = t.from_stage_id
    LEFT JOIN doing z ON z.stage_id = t.to_stage_id
    WHERE (f.stage_id IS NULL) <> (z.stage_id IS NULL)
),
crossings AS MATERIALIZED (
    SELECT m.span, k.type, m.is_exit, coalesce(past.spent_us, 0) AS spent_us
    FROM moves m
    -- one row by key for each item: a join would read all items; "C" sorts fast
    CROSS JOIN LATERAL (
        SELECT i.type COLLATE "C" AS type FROM work_items i WHERE i.id = m.work_item_id OFFSET 0
    ) k
    CROSS JOIN LATERAL (
        SELECT sum(span_us(t.from_stage_since, t.timestamp)) AS spent_us
        FROM stage_transitions t
        JOIN doing d ON d.stage_id = t.from_stage_id
        WHERE t.work_item_id = m.work_item_id
          AND (t.timestamp, t.id) <= (m.at, m.id)
          AND t.voided_at IS NULL
          AND t.from_stage_id <> t.to_stage_id
        OFFSET 0
    ) past
    UNION ALL
    SELECT s.span, i.type, true,
           coalesce(past.spent_us, 0) + span_us(i.current_stage_since, i.cancelled_at)
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, type, current_stage_id, current_stage_since, cancelled_at
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND cancelled_at >= s.starts
          AND cancelled_at < s.ends
        OFFSET 0
    ) i
    JOIN doing z ON z.stage_id = i.current_stage_id
    CROSS JOIN LATERAL (
        SELECT sum(span_us(t.from_stage_since, t.timestamp)) AS spent_us
        FROM stage_transitions t
        JOIN doing d ON d.stage_id = t.from_stage_id
        WHERE t.work_item_id = i.id
          AND t.voided_at IS NULL
          AND t.from_stage_id <> t.to_stage_id
        OFFSET 0
    ) past
)
SELECT span, type,
       count(*) FILTER (WHERE NOT is_exit) AS entered_n,
       count(*) FILTER (WHERE is_exit) AS left_n,
       coalesce(sum(spent_us) FILTER (WHERE NOT is_exit), 0) AS reentered_us,
       coalesce(sum(spent_us) FILTER (WHERE is_exit), 0) AS exited_us
FROM crossings
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
GROUP BY span, type;
