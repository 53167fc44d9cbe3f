-- How long each stage with a WIP limit was full in the window [starts, ends).
--   stream_id  integer
--   starts, ends  timestamptz
--   types  text[]: only items of these types count; NULL for all
--   stages, at_start  integer[]: stages, and the items in each when the window starts
-- at_limit_us: the time with as many items as the limit of that time, or more; over_limit_us: with
-- more. Limits count from when they took effect; without one no number is too many. Stages that had no
-- limit in the window have no row.
WITH asked AS (
    SELECT * FROM unnest(CAST(:stages AS integer[]), CAST(:at_start AS bigint[]))
                  AS a (stage_id, at_start)
),
-- a limit of which nothing tells since when has always been there
limits AS (
    SELECT s.stage_id, s.effective_from, s.wip_limit
    FROM stage_limits s
    JOIN asked USING (stage_id)
    UNION ALL
    SELECT s.id, CAST('1970-01-01T00:00:00Z' AS timestamptz), s.wip_limit
    FROM stages s
    JOIN asked a ON a.stage_id = s.id
    WHERE NOT EXISTS (SELECT FROM stage_limits known WHERE known.stage_id = s.id)
),
limited AS (
    SELECT a.stage_id, a.at_start
    FROM asked a
    WHERE a.stage_id IN (SELECT stage_id FROM limits WHERE wip_limit IS NOT NULL)
),
moves AS NOT MATERIALIZED (
    SELECT t.timestamp AS at, t.from_stage_id, t.to_stage_id
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.timestamp < CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
      AND (CAST(:types AS text[]) IS NULL
           -- one row by key for each move: a join would read all items of the types
           OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
              = ANY (CAST(:types AS text[])))
),
-- a step changes the number of items, a limit the limit; each leaves the other as it was
events AS (
    SELECT l.stage_id, CAST(:starts AS timestamptz) AS at, 0 AS step, false AS sets,
           CAST(NULL AS integer) AS wip_limit
    FROM limited l
    UNION ALL
    SELECT l.stage_id, m.at, 1, false, NULL FROM limited l JOIN moves m ON m.to_stage_id = l.stage_id
    UNION ALL
    SELECT l.stage_id, m.at, -1, false, NULL
    FROM limited l JOIN moves m ON m.from_stage_id = l.stage_id
    UNION ALL
    SELECT l.stage_id, i.cancelled_at, -1, false, NULL
    FROM limited l
    JOIN work_items i
      ON i.value_stream_id = CAST(:stream_id AS integer)
     AND i.current_stage_id = l.stage_id
     AND i.cancelled_at >= CAST(:starts AS timestamptz)
     AND i.cancelled_at < CAST(:ends AS timestamptz)
     AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
    UNION ALL
    SELECT s.stage_id, greatest(s.effective_from, CAST(:starts AS timestamptz)), 0, true, s.wip_limit
    FROM limits s
    JOIN limited USING (stage_id)
    WHERE s.effective_from < CAST(:ends AS timestamptz)
      -- of those in force before the window, the last
      AND NOT EXISTS (
          SELECT FROM limits later
          WHERE later.stage_id = s.stage_id
            AND later.effective_from > s.effective_from
            AND later.effective_from <= CAST(:starts AS timestamptz))
),
counted AS (
    SELECT e.stage_id, e.at, e.wip_limit,
           l.at_start + sum(e.step) OVER course AS items,
           count(*) FILTER (WHERE e.sets) OVER course AS term,
           span_us(e.at, lead(e.at, 1, CAST(:ends AS timestamptz)) OVER course) AS us
    FROM events e
    JOIN limited l USING (stage_id)
    WINDOW course AS (PARTITION BY e.stage_id ORDER BY e.at, e.sets DESC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
intervals AS (
    -- within a term the limit stands in its first row alone
    SELECT stage_id, items, us, max(wip_limit) OVER (PARTITION BY stage_id, term) AS wip_limit
    FROM counted
)
SELECT stage_id,
       coalesce(sum(us) FILTER (WHERE items >= wip_limit), 0) AS at_limit_us,
       coalesce(sum(us) FILTER (WHERE items > wip_limit), 0) AS over_limit_us
FROM intervals
GROUP BY stage_id
HAVING bool_or(wip_limit IS NOT NULL AND us > 0);
