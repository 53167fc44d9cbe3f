-- What came to each stage in doing, left it and lay in it, in the window [starts, ends).
--   stream_id  integer
--   starts, ends  timestamptz; as_of is not needed: ends lies at most 1 microsecond after it
--   types  text[]: only items of these types, and then no stage has a limit; NULL for all
--   bounds  timestamptz[]: where the full days begin, ascending, and where the last one ends
-- One row for each stage; arrivals and departures are arrays with an element for each full day.
--
-- The number of items in a stage is known now. Going back in time it changes by one at each move
-- to or from the stage, and at the cancellation of an item in it, so only the steps since the
-- window's start are read. They are counted by cells: the full days, what the window holds before
-- and after these, and all that came later. For most cells the counts tell whether the stage was
-- empty or at its limit in them; only the steps in the others are put in order.
WITH doing AS MATERIALIZED (
    SELECT z.stage_id, z."order",
           CASE WHEN CAST(:types AS text[]) IS NULL THEN s.wip_limit END AS wip_limit
    FROM stage_zones z
    JOIN stages s ON s.id = z.stage_id
    WHERE z.value_stream_id = CAST(:stream_id AS integer) AND z.zone = 'doing'
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.cancelled_at, i.current_stage_id
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
present AS (
    SELECT current_stage_id AS stage_id, count(*) AS items
    FROM items
    WHERE cancelled_at IS NULL AND current_stage_id = ANY (ARRAY(SELECT stage_id FROM doing))
    GROUP BY current_stage_id
),
moves AS MATERIALIZED (
    SELECT t.from_stage_id, t.to_stage_id,
           CASE WHEN t.timestamp < CAST(:ends AS timestamptz)
                THEN width_bucket(t.timestamp, CAST(:bounds AS timestamptz[])) END AS cell,
           count(*) AS items
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
      AND (CAST(:types AS text[]) IS NULL
           -- one row by key for each move: a join would read all items of the types
           OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
              = ANY (CAST(:types AS text[])))
    GROUP BY t.from_stage_id, t.to_stage_id, cell
),
cancellations AS (
    SELECT current_stage_id AS stage_id,
           CASE WHEN cancelled_at < CAST(:ends AS timestamptz)
                THEN width_bucket(cancelled_at, CAST(:bounds AS timestamptz[])) END AS cell,
           count(*) AS items
    FROM items
    WHERE cancelled_at >= CAST(:starts AS timestamptz)
    GROUP BY current_stage_id, cell
),
counted AS MATERIALIZED (
    SELECT stage_id, cell, sum(arrivals)::int AS arrivals, sum(departures)::int AS departures
    FROM (
        SELECT to_stage_id AS stage_id, cell, items AS arrivals, 0 AS departures FROM moves
        UNION ALL
        SELECT from_stage_id, cell, 0, items FROM moves
        UNION ALL
        SELECT stage_id, cell, 0, items FROM cancellations
    ) each
    GROUP BY stage_id, cell
),
at_start AS (
    SELECT d.stage_id,
           coalesce(p.items, 0) - coalesce(sum(c.arrivals - c.departures), 0) AS items
    FROM doing d
    LEFT JOIN present p USING (stage_id)
    LEFT JOIN counted c USING (stage_id)
    GROUP BY d.stage_id, p.items
),
spans AS (
    SELECT cell,
           CASE WHEN cell = 0 THEN CAST(:starts AS timestamptz)
                ELSE (CAST(:bounds AS timestamptz[]))[cell] END AS starts,
           CASE WHEN cell = cardinality(CAST(:bounds AS timestamptz[]))
                THEN CAST(:ends AS timestamptz)
                ELSE (CAST(:bounds AS timestamptz[]))[cell + 1] END AS ends
    FROM generate_series(0, cardinality(CAST(:bounds AS timestamptz[]))) AS cell
),
cells AS MATERIALIZED (
    SELECT d.stage_id, d.wip_limit, s.cell, s.starts, s.ends,
           coalesce(c.arrivals, 0) AS arrivals,
           coalesce(c.departures, 0) AS departures,
           a.items + coalesce(sum(c.arrivals - c.departures) OVER (
               PARTITION BY d.stage_id ORDER BY s.cell
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS items
    FROM doing d
    JOIN at_start a USING (stage_id)
    CROSS JOIN spans s
    LEFT JOIN counted c ON c.stage_id = d.stage_id AND c.cell = s.cell
),
unsure AS MATERIALIZED (
    SELECT stage_id, wip_limit, cell, starts, ends, items
    FROM cells
    WHERE arrivals + departures > 0
      AND (items - departures <= 0
           OR (items - departures < wip_limit AND items + arrivals >= wip_limit))
),
levels AS (
    -- in a cell that is sure, every level is as its first one: empty or not, at the limit or not
    SELECT c.stage_id, c.wip_limit, c.items, c.starts AS since, c.ends AS until
    FROM cells c
    WHERE NOT EXISTS (
        SELECT FROM unsure u WHERE u.stage_id = c.stage_id AND u.cell = c.cell)
    UNION ALL
    SELECT stage_id, wip_limit,
           sum(step) OVER in_time,
           at,
           lead(at, 1, ends) OVER in_time
    FROM (
        SELECT stage_id, wip_limit, cell, ends, starts AS at, items AS step FROM unsure
        UNION ALL
        SELECT u.stage_id, u.wip_limit, u.cell, u.ends, t.timestamp,
               CASE WHEN t.to_stage_id = u.stage_id THEN 1 ELSE -1 END
        FROM unsure u
        JOIN stage_transitions t
          ON t.value_stream_id = CAST(:stream_id AS integer)
         AND t.timestamp >= u.starts AND t.timestamp < u.ends
         AND u.stage_id IN (t.from_stage_id, t.to_stage_id)
        WHERE t.voided_at IS NULL
          AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
          AND (CAST(:types AS text[]) IS NULL
               -- one row by key for each move: a join would read all items of the types
               OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
                  = ANY (CAST(:types AS text[])))
        UNION ALL
        SELECT u.stage_id, u.wip_limit, u.cell, u.ends, i.cancelled_at, -1
        FROM unsure u
        JOIN items i
          ON i.current_stage_id = u.stage_id
         AND i.cancelled_at >= u.starts AND i.cancelled_at < u.ends
    ) each
    WINDOW in_time AS (PARTITION BY stage_id, wip_limit, cell, ends ORDER BY at)
),
times AS MATERIALIZED (
    SELECT stage_id,
           CASE WHEN wip_limit IS NOT NULL
                THEN coalesce(sum((extract(epoch FROM until - since) * 1000000)::bigint)
                                  FILTER (WHERE items >= wip_limit), 0) END AS at_limit_us,
           coalesce(sum((extract(epoch FROM until - since) * 1000000)::bigint)
                        FILTER (WHERE items = 0), 0) AS empty_us
    FROM levels
    GROUP BY stage_id, wip_limit
),
daily AS MATERIALIZED (
    SELECT stage_id,
           max(items + arrivals - departures) FILTER (WHERE cell = last_cell) AS at_end,
           array_agg(arrivals ORDER BY cell) FILTER (WHERE cell BETWEEN 1 AND last_cell - 1)
               AS arrivals,
           array_agg(departures ORDER BY cell) FILTER (WHERE cell BETWEEN 1 AND last_cell - 1)
               AS departures
    FROM cells, (SELECT max(cell) AS last_cell FROM spans) last
    GROUP BY stage_id
)
SELECT d.stage_id, t.at_limit_us, t.empty_us, y.at_end,
       coalesce(y.arrivals, '{}') AS arrivals,
       coalesce(y.departures, '{}') AS departures
FROM doing d
JOIN times t USING (stage_id)
JOIN daily y USING (stage_id)
ORDER BY d."order";
