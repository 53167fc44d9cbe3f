-- How full each stage of one value stream was in the window [starts, ends), seen at as_of, and the
-- visits that began and ended there. One row per stage; stage_id 0 stands for items in no stage yet.
--   stream_id  integer
--   starts, ends, as_of  timestamptz; ends lies at most 1 microsecond after as_of
--   types  text[]: only items of these types; NULL for all
--
-- A move's row tells the visit that it ended: from_stage_id, from from_stage_since to timestamp.
-- How many items are in a stage is known now, and going back in time it changes by one at each move,
-- creation and cancellation (as WIP in flow_summary.sql). What lies in done stages is not counted.
-- Moves are added up by the pair of stages they join before anything else: there are few pairs.
WITH zones AS (
    SELECT z.stage_id, z.zone, s.wip_limit
    FROM stage_zones z
    JOIN stages s ON s.id = z.stage_id
    WHERE z.value_stream_id = CAST(:stream_id AS integer)
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.effective_created_at, i.finished_at, i.cancelled_at, i.current_stage_id
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
present AS (
    -- stage by stage, so that each is a range of an index and what is done is never read
    SELECT z.stage_id,
           (SELECT count(*)
            FROM items i
            WHERE i.cancelled_at IS NULL AND i.current_stage_id = z.stage_id) AS items
    FROM zones z
    WHERE z.zone <> 'done'
    UNION ALL
    SELECT 0, count(*)
    FROM items i
    WHERE i.cancelled_at IS NULL AND i.current_stage_id IS NULL
),
moves AS NOT MATERIALIZED (
    SELECT t.timestamp AS at, coalesce(t.from_stage_id, 0) AS left_id, t.to_stage_id AS entered_id,
           (extract(epoch FROM t.timestamp - t.from_stage_since) * 1000000)::bigint AS visit_us
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
      AND (CAST(:types AS text[]) IS NULL
           -- one row by key for each move: a join would read all items of the types
           OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
              = ANY (CAST(:types AS text[])))
),
cancellations AS (
    -- what lies in done is delivered; giving the item up afterwards does not take it out
    SELECT i.cancelled_at AS at, coalesce(i.current_stage_id, 0) AS left_id,
           i.finished_at IS NULL AS unfinished
    FROM items i
    LEFT JOIN zones z ON z.stage_id = i.current_stage_id
    WHERE i.cancelled_at >= CAST(:starts AS timestamptz) AND coalesce(z.zone, 'todo') <> 'done'
),
pairs AS (
    SELECT left_id, entered_id,
           count(*) FILTER (WHERE at < CAST(:ends AS timestamptz)) AS inside,
           count(*) FILTER (WHERE at >= CAST(:ends AS timestamptz)) AS later,
           sum((extract(epoch FROM CAST(:ends AS timestamptz) - at) * 1000000)::bigint)
               FILTER (WHERE at < CAST(:ends AS timestamptz)) AS until_end_us
    FROM moves
    GROUP BY left_id, entered_id
),
entries AS (
    SELECT entered_id AS stage_id, inside, later, until_end_us FROM pairs
    UNION ALL
    SELECT 0,
           count(*) FILTER (WHERE effective_created_at < CAST(:ends AS timestamptz)),
           count(*) FILTER (WHERE effective_created_at >= CAST(:ends AS timestamptz)),
           sum((extract(epoch FROM CAST(:ends AS timestamptz) - effective_created_at)
                * 1000000)::bigint)
               FILTER (WHERE effective_created_at < CAST(:ends AS timestamptz))
    FROM items
    WHERE effective_created_at >= CAST(:starts AS timestamptz)
),
exits AS (
    SELECT left_id AS stage_id, inside, later, until_end_us FROM pairs
    UNION ALL
    SELECT left_id,
           count(*) FILTER (WHERE at < CAST(:ends AS timestamptz)),
           count(*) FILTER (WHERE at >= CAST(:ends AS timestamptz)),
           sum((extract(epoch FROM CAST(:ends AS timestamptz) - at) * 1000000)::bigint)
               FILTER (WHERE at < CAST(:ends AS timestamptz))
    FROM cancellations
    GROUP BY left_id
),
stepped AS (
    SELECT stage_id,
           sum(entered) AS entered,
           sum(exited) AS exited,
           sum(later) AS later,
           coalesce(sum(until_end_us), 0) AS until_end_us
    FROM (
        SELECT stage_id, inside AS entered, 0 AS exited, later, until_end_us FROM entries
        UNION ALL
        SELECT stage_id, 0, inside, -later, -until_end_us FROM exits
    ) both_ways
    GROUP BY stage_id
),
levels AS (
    SELECT z.stage_id, z.zone, z.wip_limit,
           coalesce(s.entered, 0) AS arrivals,
           coalesce(s.exited, 0) AS departures,
           coalesce(p.items, 0) - coalesce(s.later, 0) AS at_end,
           coalesce(p.items, 0) - coalesce(s.later + s.entered - s.exited, 0) AS at_start,
           coalesce(s.until_end_us, 0) AS stepped_us
    FROM (SELECT stage_id, zone, wip_limit FROM zones UNION ALL SELECT 0, 'todo', NULL) z
    LEFT JOIN present p ON p.stage_id = z.stage_id
    LEFT JOIN stepped s ON s.stage_id = z.stage_id
),
limited AS (
    SELECT stage_id, wip_limit, at_start
    FROM levels
    WHERE wip_limit IS NOT NULL AND zone <> 'done'
),
steps AS (
    SELECT stage_id, CAST(:starts AS timestamptz) AS at, 0 AS step FROM limited
    UNION ALL
    SELECT l.stage_id, m.at, 1 FROM limited l JOIN moves m ON m.entered_id = l.stage_id
    UNION ALL
    SELECT l.stage_id, m.at, -1 FROM limited l JOIN moves m ON m.left_id = l.stage_id
    UNION ALL
    SELECT l.stage_id, c.at, -1 FROM limited l JOIN cancellations c ON c.left_id = l.stage_id
),
intervals AS (
    SELECT l.stage_id, l.wip_limit,
           l.at_start + sum(s.step) OVER course AS items,
           (extract(epoch FROM lead(s.at, 1, CAST(:ends AS timestamptz)) OVER course - s.at)
            * 1000000)::bigint AS us
    FROM steps s
    JOIN limited l ON l.stage_id = s.stage_id
    WHERE s.at < CAST(:ends AS timestamptz)
    WINDOW course AS (
        PARTITION BY l.stage_id ORDER BY s.at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
limits AS (
    SELECT stage_id, coalesce(sum(us) FILTER (WHERE items >= wip_limit), 0) AS at_limit_us
    FROM intervals
    GROUP BY stage_id
),
visits AS (
    SELECT left_id AS stage_id,
           count(*) AS visits,
           count(*) FILTER (WHERE visit_us = 0) AS instant_visits,
           sum(visit_us) AS sum_us,
           percentile_cont(ARRAY[0.50, 0.85, 0.95])
               WITHIN GROUP (ORDER BY visit_us::float8 / 1000000) AS percentiles
    FROM moves
    WHERE at < CAST(:ends AS timestamptz) AND left_id <> 0
    GROUP BY left_id
),
discards AS (
    SELECT left_id AS stage_id, count(*) AS discarded
    FROM cancellations
    WHERE unfinished AND at < CAST(:ends AS timestamptz)
    GROUP BY left_id
)
SELECT l.stage_id,
       l.arrivals,
       l.departures,
       coalesce(d.discarded, 0) AS discarded,
       coalesce(v.visits, 0) AS visits,
       coalesce(v.instant_visits, 0) AS instant_visits,
       coalesce(v.sum_us, 0) AS sum_us,
       v.percentiles[1] AS p50,
       v.percentiles[2] AS p85,
       v.percentiles[3] AS p95,
       CASE WHEN l.zone <> 'done' THEN
           l.at_start
               * (extract(epoch FROM CAST(:ends AS timestamptz) - CAST(:starts AS timestamptz))
                  * 1000000)::bigint
               + l.stepped_us
       END AS occupancy_us,
       CASE WHEN l.zone <> 'done' THEN l.at_end END AS at_end,
       m.at_limit_us
FROM levels l
LEFT JOIN visits v ON v.stage_id = l.stage_id
LEFT JOIN discards d ON d.stage_id = l.stage_id
LEFT JOIN limits m ON m.stage_id = l.stage_id;
