-- The moves of each source in each of several spans of time, and the longest pause between two.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
-- span is the number of the span, from 1. Pauses do not add up over types: type '' is of all types
-- together, beside the rows of each. source is NULL for items born in this service.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
-- span by span and by index, whatever the planner thinks of how long a span is: hence OFFSET 0
moves AS MATERIALIZED (
    SELECT s.span, i.type, i.source, t.at
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT work_item_id, timestamp AS at
        FROM stage_transitions
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND timestamp >= s.starts
          AND timestamp < s.ends
          AND voided_at IS NULL
        OFFSET 0
    ) t
    CROSS JOIN LATERAL (
        SELECT type, source FROM work_items WHERE id = t.work_item_id OFFSET 0
    ) i
    WHERE CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[]))
),
told AS (
    SELECT span, '' AS type, source, at FROM moves
    UNION ALL
    SELECT span, type, source, at FROM moves
),
pauses AS (
    SELECT span, type, source, at,
           span_us(lag(at) OVER (PARTITION BY span, type, source ORDER BY at), at) AS pause_us
    FROM told
)
SELECT span, type, source, count(*) AS moves, min(at) AS first_at, max(at) AS last_at,
       coalesce(max(pause_us), 0) AS longest_pause_us
FROM pauses
GROUP BY span, type, source;
