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
    SELECT s.span, k.type, t.timestamp AS at, e.stage_id, e.step
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT m.work_item_id, m.timestamp, m.from_stage_id, m.to_stage_id
        FROM stage_transitions m
        WHERE m.value_stream_id = CAST(:stream_id AS integer)
          AND m.timestamp >= s.starts
          AND m.timestamp < s.ends
          AND m.voided_at IS NULL
          AND m.from_stage_id IS DISTINCT FROM m.to_stage_id
        OFFSET 0
    ) t
    -- where types are wanted, one row by key for each item: a join would read all items
    LEFT JOIN LATERAL (
        SELECT i.type COLLATE "C" AS type
        FROM work_items i
        WHERE i.id = t.work_item_id
          AND (CAST(:types AS text[]) IS NOT NULL OR CAST(:by_type AS boolean))
        OFFSET 0
    ) k ON true
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
-- numbers are sorted faster than names
kinds AS MATERIALIZED (
    SELECT type, row_number() OVER (ORDER BY type) AS kind
    FROM (SELECT DISTINCT type FROM typed WHERE CAST(:by_type AS boolean)) AS known
),
steps AS (
    SELECT span, 0 AS kind, stage_id, at, step
    FROM typed
    WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
    UNION ALL
    SELECT span, kind, stage_id, at, step
    FROM typed
    JOIN kinds USING (type)
),
-- what lay there before each step, and for how long; of steps at one instant only the first has a time
before AS (
    SELECT t.span, t.kind, t.stage_id, t.step, sum(t.step) OVER course - t.step AS level,
           span_us(lag(t.at, 1, s.starts) OVER course, t.at) AS us
    FROM steps t
    JOIN spans s USING (span)
    WINDOW course AS (PARTITION BY t.span, t.kind, t.stage_id ORDER BY t.at
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
between AS MATERIALIZED (
    SELECT span, kind, stage_id, level, sum(step) AS step, sum(us) AS us
    FROM before
    GROUP BY span, kind, stage_id, level
),
-- and since the last one
since AS (
    SELECT b.span, b.kind, b.stage_id, sum(b.step) AS level, 0 AS step,
           span_us(s.starts, s.ends) - sum(b.us) AS us
    FROM between b
    JOIN spans s USING (span)
    GROUP BY b.span, b.kind, b.stage_id, s.starts, s.ends
),
profiles AS (
    SELECT a.span, coalesce(k.type, '') AS type, a.stage_id, a.level,
           sum(a.step) AS step, sum(a.us) AS us
    FROM (SELECT * FROM between UNION ALL SELECT * FROM since) AS a
    LEFT JOIN kinds k USING (kind)
    GROUP BY a.span, k.type, a.stage_id, a.level
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
