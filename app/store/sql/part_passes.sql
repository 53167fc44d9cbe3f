-- How old the items finished in each of several spans of time were when they had left each stage.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- span is the number of the span, from 1. A row per type and stage in doing: per item it is the age at
-- the last exit, up to the finish, from this stage or one before it; 0 for items that began later.
-- stage_id 0 stands for the finish itself, the cycle time. passes are these ages in microseconds,
-- ascending, packed as 8-byte integers with the most significant byte first.
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
-- span by span, item by item, and by index: hence OFFSET 0
finished AS MATERIALIZED (
    SELECT s.span, i.id, i.type COLLATE "C" AS type, i.started_at, i.finished_at
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, type, started_at, finished_at
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND finished_at >= s.starts
          AND finished_at < s.ends
        OFFSET 0
    ) i
    WHERE CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[]))
),
exits AS MATERIALIZED (
    SELECT f.id, t.from_stage_id, max(t.timestamp) AS at
    FROM finished f
    CROSS JOIN LATERAL (
        SELECT timestamp, from_stage_id
        FROM stage_transitions
        WHERE work_item_id = f.id
          AND timestamp > f.started_at
          AND timestamp <= f.finished_at
          AND voided_at IS NULL
          AND from_stage_id <> to_stage_id
        OFFSET 0
    ) t
    GROUP BY f.id, t.from_stage_id
),
last_exits AS (
    SELECT e.id, d.stage_id, max(e.at) AS at
    FROM exits e
    JOIN zones z ON z.stage_id = e.from_stage_id
    JOIN zones d ON d.zone = 'doing' AND d.place >= z.place
    GROUP BY e.id, d.stage_id
),
passes AS (
    SELECT f.span, f.type, d.stage_id,
           coalesce(span_us(f.started_at, e.at, CAST(:calendar AS integer)), 0) AS us
    FROM finished f
    JOIN zones d ON d.zone = 'doing'
    LEFT JOIN last_exits e ON e.id = f.id AND e.stage_id = d.stage_id
    UNION ALL
    SELECT span, type, 0, span_us(started_at, finished_at, CAST(:calendar AS integer))
    FROM finished
)
SELECT span, type, stage_id, count(*) AS n, sum(us) AS us,
       string_agg(int8send(us), ''::bytea ORDER BY us) AS passes
FROM passes
GROUP BY span, type, stage_id;
