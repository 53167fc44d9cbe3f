-- How many items lay in each stage, and for how long, in each of several spans of time: told as the
-- difference to what lay there just before the span.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
--   by_type  boolean: whether each type is wanted too
-- span is the number of the span, from 1. type is '' for all types together. step is what came less
-- what left. levels are the differences, ascending, and spent the microseconds with each of them, both
-- packed as 8-byte integers with the most significant byte first. A stage in which nothing happened has
-- no row; stage_id 0 says that the span was looked at.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
-- span by span, and by index: hence OFFSET 0
typed AS MATERIALIZED (
    SELECT s.span, CASE WHEN CAST(:types AS text[]) IS NOT NULL OR CAST(:by_type AS boolean)
                        -- one row by key for each move: a join would read all items
                        THEN (SELECT i.type COLLATE "C" FROM work_items i WHERE i.id = t.work_item_id)
                   END AS type,
           t.timestamp AS at, e.stage_id, e.step
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT work_item_id, from_stage_id, to_stage_id, timestamp
        FROM stage_transitions
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND timestamp >= s.starts
          AND timestamp < s.ends
          AND voided_at IS NULL
          AND from_stage_id IS DISTINCT FROM to_stage_id
        OFFSET 0
    ) t
    CROSS JOIN LATERAL (VALUES (t.to_stage_id, 1), (t.from_stage_id, -1)) AS e (stage_id, step)
    WHERE e.stage_id IS NOT NULL
    UNION ALL
    SELECT s.span, i.type COLLATE "C", i.cancelled_at, i.current_stage_id, -1
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT type, cancelled_at, current_stage_id
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND cancelled_at >= s.starts
          AND cancelled_at < s.ends
          AND current_stage_id IS NOT NULL
        OFFSET 0
    ) i
),
steps AS MATERIALIZED (
    SELECT span, '' COLLATE "C" AS type, stage_id, at, step
    FROM typed
    WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
    UNION ALL
    SELECT span, type, stage_id, at, step FROM typed WHERE CAST(:by_type AS boolean)
),
courses AS (
    SELECT c.span, c.type, c.stage_id, s.starts AS at, 0 AS step
    FROM (SELECT DISTINCT span, type, stage_id FROM steps) AS c
    JOIN spans s USING (span)
    UNION ALL
    SELECT span, type, stage_id, at, step FROM steps
),
-- what happens at one instant happens at once: only the last of its rows has a time
levels AS (
    SELECT c.span, c.type, c.stage_id, c.step, sum(c.step) OVER course AS level,
           span_us(c.at, lead(c.at, 1, s.ends) OVER course) AS us
    FROM courses c
    JOIN spans s USING (span)
    WINDOW course AS (PARTITION BY c.span, c.type, c.stage_id ORDER BY c.at)
),
profiles AS (
    SELECT span, type, stage_id, level, sum(step) AS step, sum(us) AS us
    FROM levels
    GROUP BY span, type, stage_id, level
)
SELECT span, type, stage_id, sum(step) AS step,
       string_agg(int8send(CAST(level AS bigint)), ''::bytea ORDER BY level) FILTER (WHERE us > 0)
           AS levels,
       string_agg(int8send(CAST(us AS bigint)), ''::bytea ORDER BY level) FILTER (WHERE us > 0)
           AS spent
FROM profiles
GROUP BY span, type, stage_id
UNION ALL
SELECT span, '', 0, 0, NULL, NULL FROM spans;
