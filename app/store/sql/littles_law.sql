-- The terms of Little's law over a window [starts, ends), times in item-microseconds.
--   stream_id  integer
--   starts, ends  timestamptz
--   types  text[]: only items of these types; NULL for all
--
-- r is the time an item has spent in process so far. Within the window it follows from the item's
-- entries (step 1) and exits (step -1) there, counted from the window's start: at an entry it is
-- r(start) - sum of earlier step * instant, at an exit that plus the instant itself. Only items
-- that were started before the window need their r(start), which their earlier moves tell.
WITH zones AS (
    SELECT stage_id, zone FROM stage_zones WHERE value_stream_id = CAST(:stream_id AS integer)
),
doing AS (
    SELECT stage_id FROM zones WHERE zone = 'doing'
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.started_at, i.finished_at, i.cancelled_at, i.current_stage_id,
           i.current_stage_since
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
-- moves across the border of doing, and those that end a visit from before the window; materialized,
-- so that the type is looked up for these alone
moves_of_all_types AS MATERIALIZED (
    SELECT t.id, t.work_item_id, t.timestamp AS at, t.from_stage_since,
           f.zone IS NOT DISTINCT FROM 'doing' AS was_doing, z.zone = 'doing' AS will_be_doing
    FROM stage_transitions t
    JOIN zones z ON z.stage_id = t.to_stage_id
    LEFT JOIN zones f ON f.stage_id = t.from_stage_id
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
      AND ((f.zone IS NOT DISTINCT FROM 'doing') <> (z.zone = 'doing')
           OR f.zone = 'doing' AND t.from_stage_since < CAST(:starts AS timestamptz))
),
moves AS NOT MATERIALIZED (
    SELECT *
    FROM moves_of_all_types m
    WHERE CAST(:types AS text[]) IS NULL
       OR (SELECT i.type FROM work_items i WHERE i.id = m.work_item_id)
          = ANY (CAST(:types AS text[]))
),
cancelled AS (
    SELECT id AS work_item_id, cancelled_at AS at, current_stage_since AS since
    FROM items
    WHERE cancelled_at >= CAST(:starts AS timestamptz)
      AND current_stage_id IN (SELECT stage_id FROM doing)
),
at_start AS (
    SELECT work_item_id, from_stage_since AS since
    FROM moves
    WHERE was_doing AND from_stage_since < CAST(:starts AS timestamptz)
    UNION ALL
    SELECT work_item_id, since
    FROM cancelled
    WHERE since < CAST(:starts AS timestamptz)
    UNION ALL
    SELECT id, current_stage_since
    FROM items
    WHERE cancelled_at IS NULL
      AND current_stage_id IN (SELECT stage_id FROM doing)
      AND current_stage_since < CAST(:starts AS timestamptz)
),
events AS MATERIALIZED (
    SELECT id, work_item_id, at, will_be_doing::int - was_doing::int AS step,
           (extract(epoch FROM at - CAST(:starts AS timestamptz)) * 1000000)::bigint AS at_us
    FROM moves
    WHERE was_doing <> will_be_doing AND at < CAST(:ends AS timestamptz)
    UNION ALL
    -- an item's cancellation follows all its moves
    SELECT 9223372036854775807, work_item_id, at, -1,
           (extract(epoch FROM at - CAST(:starts AS timestamptz)) * 1000000)::bigint
    FROM cancelled
    WHERE at < CAST(:ends AS timestamptz)
),
earlier AS (
    SELECT work_item_id, since FROM at_start
    UNION ALL
    SELECT DISTINCT work_item_id, CAST(NULL AS timestamptz)
    FROM events
    WHERE step = 1
      AND work_item_id NOT IN (SELECT work_item_id FROM at_start)
      AND work_item_id NOT IN (
          SELECT id FROM items WHERE started_at >= CAST(:starts AS timestamptz)
      )
),
spent AS MATERIALIZED (
    SELECT e.work_item_id,
           (e.since IS NOT NULL)::int AS in_process,
           past.spent_us
               + coalesce((extract(epoch FROM CAST(:starts AS timestamptz) - e.since)
                           * 1000000)::bigint, 0) AS spent_us
    FROM earlier e
    CROSS JOIN LATERAL (
        SELECT coalesce(sum((extract(epoch FROM t.timestamp - t.from_stage_since)
                             * 1000000)::bigint), 0) AS spent_us
        FROM stage_transitions t
        WHERE t.work_item_id = e.work_item_id
          AND t.timestamp < CAST(:starts AS timestamptz)
          AND t.voided_at IS NULL
          AND t.from_stage_id <> t.to_stage_id
          AND t.from_stage_id = ANY (ARRAY(SELECT stage_id FROM doing))
    ) past
),
counted AS (
    SELECT e.step,
           coalesce(s.spent_us, 0)
               + CASE WHEN e.step = -1 THEN e.at_us ELSE 0 END
               - coalesce(sum(e.step * e.at_us) OVER (
                              PARTITION BY e.work_item_id ORDER BY e.at, e.id
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS spent_us
    FROM events e
    LEFT JOIN spent s USING (work_item_id)
),
crossings AS (
    SELECT count(*) FILTER (WHERE step = 1) AS entered,
           count(*) FILTER (WHERE step = -1) AS left_doing,
           coalesce(sum(spent_us) FILTER (WHERE step = -1), 0) AS exited_us,
           coalesce(sum(spent_us) FILTER (WHERE step = 1), 0) AS reentered_us
    FROM counted
),
at_end AS (
    SELECT coalesce(s.spent_us, 0)
               + (extract(epoch FROM CAST(:ends AS timestamptz) - CAST(:starts AS timestamptz))
                  * 1000000)::bigint
               - coalesce(e.stepped_us, 0) AS spent_us
    FROM (
        SELECT work_item_id, sum(step) AS step, sum(step * at_us) AS stepped_us
        FROM events
        GROUP BY work_item_id
    ) e
    FULL JOIN spent s USING (work_item_id)
    WHERE coalesce(s.in_process, 0) + coalesce(e.step, 0) = 1
),
finished AS (
    SELECT count(*) AS throughput,
           coalesce(sum(cycle_us), 0) AS cycle_sum_us,
           percentile_cont(0.85) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000) AS cycle_p85
    FROM (
        SELECT (extract(epoch FROM finished_at - started_at) * 1000000)::bigint AS cycle_us
        FROM items
        WHERE finished_at >= CAST(:starts AS timestamptz)
          AND finished_at < CAST(:ends AS timestamptz)
    ) cycles
)
SELECT f.*,
       (SELECT count(*) FROM items
        WHERE cancelled_at >= CAST(:starts AS timestamptz)
          AND cancelled_at < CAST(:ends AS timestamptz)
          AND finished_at IS NULL
          AND started_at IS NOT NULL) AS discarded_started,
       (SELECT count(*) FROM at_start)
           * (extract(epoch FROM CAST(:ends AS timestamptz) - CAST(:starts AS timestamptz))
              * 1000000)::bigint
           + (SELECT coalesce(sum(step * ((extract(epoch FROM CAST(:ends AS timestamptz)
                                                    - CAST(:starts AS timestamptz))
                                           * 1000000)::bigint - at_us)), 0)
              FROM events) AS wip_us,
       (SELECT count(*) FROM at_start) AS wip_at_start,
       (SELECT count(*) FROM at_end) AS wip_at_end,
       c.*,
       (SELECT coalesce(sum(spent_us), 0) FROM spent WHERE in_process = 1) AS residence_at_start_us,
       (SELECT coalesce(sum(spent_us), 0) FROM at_end) AS residence_at_end_us
FROM finished f, crossings c;
