-- How long the items finished in the window [starts, ends) had been in each stage in doing.
--   stream_id  integer
--   starts, ends  timestamptz; as_of is not needed: ends lies at most 1 microsecond after it
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
--   units  integer: at most so many groups
-- One row for each group and stage, and one with stage_id NULL for a group without any time; items
-- is the size of the group. A group is one item, or, of more items than units, one of that many
-- groups of equal size to which the items are dealt at random, always in the same way.
--
-- Each move tells the stage it left and since when, so the moves up to the first finish are all
-- that is needed. Most lie in the window and are read in one range; the earlier ones are looked up
-- for the items that are older than the window.
WITH finished AS MATERIALIZED (
    SELECT i.id, i.finished_at, i.effective_created_at,
           row_number() OVER (ORDER BY md5(i.id::text), i.id) % CAST(:units AS integer) AS unit
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND i.finished_at >= CAST(:starts AS timestamptz)
      AND i.finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
doing AS (
    SELECT stage_id
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
),
sizes AS (
    SELECT unit, count(*) AS items FROM finished GROUP BY unit
),
visits AS (
    SELECT f.unit, t.from_stage_id AS stage_id, t.from_stage_since AS entered,
           t.timestamp AS exited
    FROM finished f
    JOIN stage_transitions t ON t.work_item_id = f.id AND t.timestamp <= f.finished_at
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.timestamp < CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id IN (SELECT stage_id FROM doing)
      AND t.from_stage_id <> t.to_stage_id
    UNION ALL
    SELECT f.unit, t.stage_id, t.entered, t.exited
    FROM finished f
    CROSS JOIN LATERAL (
        SELECT t.from_stage_id AS stage_id, t.from_stage_since AS entered, t.timestamp AS exited
        FROM stage_transitions t
        WHERE t.work_item_id = f.id
          AND t.timestamp < CAST(:starts AS timestamptz)
          AND t.voided_at IS NULL
          AND t.from_stage_id IN (SELECT stage_id FROM doing)
          AND t.from_stage_id <> t.to_stage_id
        OFFSET 0 -- item by item, by index: never the whole log
    ) t
    WHERE f.effective_created_at < CAST(:starts AS timestamptz)
),
spent AS (
    SELECT unit, stage_id, sum(span_us(entered, exited, CAST(:calendar AS integer))) AS us
    FROM visits
    GROUP BY unit, stage_id
)
SELECT n.unit, n.items, s.stage_id, s.us
FROM sizes n
LEFT JOIN spent s USING (unit)
ORDER BY n.unit, s.stage_id;
