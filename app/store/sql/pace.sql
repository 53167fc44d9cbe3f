-- How old the items finished in the window [starts, ends) were when they had left each stage.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--
-- A row per stage in process, and one without a stage for the cycle times. Per item and stage it is
-- the last exit, up to the finish, from this stage or one before it; 0 for items that began later.
-- Of an item's exits only a move beyond the stage can be the last one, or a move at its finish. An
-- item that never moved backward went beyond each stage once: only the others need comparing.
WITH doing AS (
    SELECT stage_id, "order"
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
),
-- which lines a move from one stage to another can belong to
covers AS MATERIALIZED (
    SELECT l.id AS from_stage_id, r.id AS to_stage_id, d.stage_id, d."order" < r."order" AS beyond
    FROM stages l
    JOIN stages r ON r.value_stream_id = l.value_stream_id AND r.id <> l.id
    JOIN doing d ON d."order" >= l."order"
    WHERE l.value_stream_id = CAST(:stream_id AS integer)
),
finished AS MATERIALIZED (
    SELECT id, started_at, finished_at,
           span_us(started_at, finished_at, CAST(:calendar AS integer)) AS cycle_us
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
),
exits AS MATERIALIZED (
    -- who started in the window made all these moves there: they are one range of an index
    SELECT f.id, f.started_at, t.from_stage_id, t.to_stage_id, t.timestamp AS left_at,
           t.timestamp = f.finished_at AS at_finish
    FROM stage_transitions t
    JOIN finished f ON f.id = t.work_item_id
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.timestamp < CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id <> t.to_stage_id
      AND f.started_at >= CAST(:starts AS timestamptz)
      AND t.timestamp > f.started_at
      AND t.timestamp <= f.finished_at
    UNION ALL
    SELECT f.id, f.started_at, t.from_stage_id, t.to_stage_id, t.timestamp,
           t.timestamp = f.finished_at
    FROM finished f
    CROSS JOIN LATERAL (
        SELECT timestamp, from_stage_id, to_stage_id
        FROM stage_transitions
        WHERE work_item_id = f.id
          AND timestamp > f.started_at
          AND timestamp <= f.finished_at
          AND voided_at IS NULL
          AND from_stage_id <> to_stage_id
        OFFSET 0  -- item by item, by index: never the whole log
    ) t
    WHERE f.started_at < CAST(:starts AS timestamptz)
),
returned AS MATERIALIZED (
    SELECT DISTINCT id
    FROM exits
    WHERE (from_stage_id, to_stage_id) IN (
        SELECT l.id, r.id
        FROM stages l
        JOIN stages r ON r.value_stream_id = l.value_stream_id AND r."order" < l."order"
        WHERE l.value_stream_id = CAST(:stream_id AS integer))
),
passed AS MATERIALIZED (
    SELECT c.stage_id, e.started_at, e.left_at
    FROM exits e
    JOIN covers c ON c.from_stage_id = e.from_stage_id
                 AND c.to_stage_id = e.to_stage_id
                 AND c.beyond
    WHERE e.id NOT IN (SELECT id FROM returned)
    UNION ALL
    SELECT c.stage_id, e.started_at, max(e.left_at)
    FROM exits e
    JOIN returned USING (id)
    JOIN covers c ON c.from_stage_id = e.from_stage_id
                 AND c.to_stage_id = e.to_stage_id
                 AND (c.beyond OR e.at_finish)
    GROUP BY e.id, e.started_at, c.stage_id
)
SELECT d.stage_id, line.n, line.sum_us,
       line.percentiles[1] AS p50, line.percentiles[2] AS p85, line.percentiles[3] AS p95
FROM doing d
CROSS JOIN LATERAL (
    -- line by line: sorting all lines together takes longer
    SELECT count(*) AS n, coalesce(sum(age_us), 0) AS sum_us,
           percentile_cont(ARRAY[0.50, 0.85, 0.95])
               WITHIN GROUP (ORDER BY age_us::float8 / 1000000) AS percentiles
    FROM (
        SELECT span_us(started_at, left_at, CAST(:calendar AS integer)) AS age_us
        FROM passed
        WHERE stage_id = d.stage_id
        UNION ALL
        SELECT 0
        FROM generate_series(1, (SELECT count(*) FROM finished)
                                - (SELECT count(*) FROM passed WHERE stage_id = d.stage_id))
    ) AS ages
) AS line
UNION ALL
SELECT NULL, count(*), coalesce(sum(cycle_us), 0),
       percentile_cont(0.50) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000),
       percentile_cont(0.85) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000)
FROM finished;
