-- How long stages were empty, and at their limit, in some stretches of time.
--   stream_id  integer
--   types  text[]: only items of these types; NULL for all
--   stages, limits  integer[]: the stage that each stretch is about, and its WIP limit, NULL for none
--   starts, ends  timestamptz[]: the stretches, [starts, ends) each
--   items  bigint[]: how many items lay in the stage just before each stretch
WITH asked AS (
    SELECT a.n, a.stage_id, a.wip_limit, a.starts, a.ends, a.items
    FROM unnest(CAST(:stages AS integer[]), CAST(:limits AS integer[]),
                CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
                CAST(:items AS bigint[])) WITH ORDINALITY
         AS a (stage_id, wip_limit, starts, ends, items, n)
),
steps AS (
    SELECT n, stage_id, wip_limit, ends, starts AS at, items AS step FROM asked
    UNION ALL
    SELECT a.n, a.stage_id, a.wip_limit, a.ends, t.timestamp,
           CASE WHEN t.to_stage_id = a.stage_id THEN 1 ELSE -1 END
    FROM asked a
    JOIN stage_transitions t
      ON t.value_stream_id = CAST(:stream_id AS integer)
     AND t.timestamp >= a.starts AND t.timestamp < a.ends
     AND a.stage_id IN (t.from_stage_id, t.to_stage_id)
    WHERE t.voided_at IS NULL
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
      AND (CAST(:types AS text[]) IS NULL
           -- one row by key for each move: a join would read all items of the types
           OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
              = ANY (CAST(:types AS text[])))
    UNION ALL
    SELECT a.n, a.stage_id, a.wip_limit, a.ends, i.cancelled_at, -1
    FROM asked a
    JOIN work_items i
      ON i.value_stream_id = CAST(:stream_id AS integer)
     AND i.current_stage_id = a.stage_id
     AND i.cancelled_at >= a.starts AND i.cancelled_at < a.ends
    WHERE CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[]))
),
levels AS (
    SELECT stage_id, wip_limit, sum(step) OVER in_time AS items, at AS since,
           lead(at, 1, ends) OVER in_time AS until
    FROM steps
    WINDOW in_time AS (PARTITION BY n ORDER BY at)
)
SELECT stage_id,
       coalesce(sum(span_us(since, until)) FILTER (WHERE items >= wip_limit), 0) AS at_limit_us,
       coalesce(sum(span_us(since, until)) FILTER (WHERE items = 0), 0) AS empty_us
FROM levels
GROUP BY stage_id;
