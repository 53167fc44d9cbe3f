-- What flowed through one value stream in the window [starts, ends), seen at as_of.
--   stream_id  integer
--   starts, ends, as_of  timestamptz; ends lies at most 1 microsecond after as_of
--   types  text[]: only items of these types; NULL for all
--
-- Counts come from the items' facts by index. WIP is a step function: it is known now, and going
-- back in time it changes by one at each move across the border of a zone, at each creation and at
-- each cancellation. So its value at any instant is today's less the steps since then, and its
-- integral over the window is value-at-start * length + sum of step * (ends - instant).
WITH zones AS (
    SELECT stage_id, zone FROM stage_zones WHERE value_stream_id = CAST(:stream_id AS integer)
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.type, i.effective_created_at, i.started_at, i.finished_at, i.cancelled_at,
           i.current_stage_id
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
-- One range of an index per stage that is not done, and one for items in no stage.
present AS (
    SELECT coalesce(sum(n) FILTER (WHERE zone = 'doing'), 0)::bigint AS doing,
           coalesce(sum(n) FILTER (WHERE zone = 'todo'), 0)::bigint AS todo,
           coalesce(sum(unfinished), 0)::bigint AS unfinished
    FROM (
        SELECT z.zone, c.*
        FROM zones z
        CROSS JOIN LATERAL (
            SELECT count(*) AS n, count(*) FILTER (WHERE finished_at IS NULL) AS unfinished
            FROM items
            WHERE current_stage_id = z.stage_id AND cancelled_at IS NULL
        ) c
        WHERE z.zone <> 'done'
        UNION ALL
        SELECT 'todo', count(*), count(*) FILTER (WHERE finished_at IS NULL)
        FROM items
        WHERE current_stage_id IS NULL AND cancelled_at IS NULL
    ) by_stage
),
-- Moves across the border of a zone: one range of an index per pair of stages.
crossings AS (
    SELECT f.stage_id AS from_id, f.zone AS left_zone, z.stage_id AS to_id, z.zone AS entered_zone
    FROM zones f
    JOIN zones z ON z.zone <> f.zone
),
moves AS (
    SELECT m.at, c.left_zone, c.entered_zone
    FROM crossings c
    CROSS JOIN LATERAL (
        SELECT t.timestamp AS at
        FROM stage_transitions t
        WHERE t.value_stream_id = CAST(:stream_id AS integer)
          AND t.from_stage_id = c.from_id
          AND t.to_stage_id = c.to_id
          AND t.timestamp >= CAST(:starts AS timestamptz)
          AND t.voided_at IS NULL
          AND (CAST(:types AS text[]) IS NULL
               -- one row by key for each move: a join would read all items of the types
               OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
                  = ANY (CAST(:types AS text[])))
        OFFSET 0
    ) m
    UNION ALL
    SELECT m.at, 'todo', z.zone
    FROM zones z
    CROSS JOIN LATERAL (
        SELECT t.timestamp AS at
        FROM stage_transitions t
        WHERE t.value_stream_id = CAST(:stream_id AS integer)
          AND t.from_stage_id IS NULL
          AND t.to_stage_id = z.stage_id
          AND t.timestamp >= CAST(:starts AS timestamptz)
          AND t.voided_at IS NULL
          AND (CAST(:types AS text[]) IS NULL
               -- one row by key for each move: a join would read all items of the types
               OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
                  = ANY (CAST(:types AS text[])))
        OFFSET 0
    ) m
    WHERE z.zone <> 'todo'
),
steps AS (
    SELECT at,
           (entered_zone = 'doing')::int - (left_zone = 'doing')::int AS doing,
           (entered_zone = 'todo')::int - (left_zone = 'todo')::int AS todo
    FROM moves
    UNION ALL
    SELECT effective_created_at, 0, 1
    FROM items
    WHERE effective_created_at >= CAST(:starts AS timestamptz)
    UNION ALL
    SELECT cancelled_at,
           -(coalesce(z.zone, 'todo') = 'doing')::int,
           -(coalesce(z.zone, 'todo') = 'todo')::int
    FROM items i
    LEFT JOIN zones z ON z.stage_id = i.current_stage_id
    WHERE i.cancelled_at >= CAST(:starts AS timestamptz)
),
wip AS (
    SELECT p.doing - coalesce(sum(s.doing), 0) AS at_start,
           p.doing - coalesce(sum(s.doing) FILTER (WHERE s.at >= CAST(:ends AS timestamptz)), 0)
               AS at_end,
           p.doing - coalesce(sum(s.doing) FILTER (WHERE s.at > CAST(:as_of AS timestamptz)), 0)
               AS at_as_of,
           p.todo - coalesce(sum(s.todo) FILTER (WHERE s.at >= CAST(:ends AS timestamptz)), 0)
               AS backlog_at_end,
           coalesce(
               sum(s.doing * (extract(epoch FROM CAST(:ends AS timestamptz) - s.at)
                              * 1000000)::bigint)
                   FILTER (WHERE s.at < CAST(:ends AS timestamptz)),
               0) AS stepped_us
    FROM present p
    LEFT JOIN steps s ON true
    GROUP BY p.doing, p.todo
),
finished AS (
    SELECT id, effective_created_at, started_at, finished_at,
           (extract(epoch FROM finished_at - started_at) * 1000000)::bigint AS cycle_us,
           (extract(epoch FROM finished_at - effective_created_at) * 1000000)::bigint AS lead_us
    FROM items
    WHERE finished_at >= CAST(:starts AS timestamptz) AND finished_at < CAST(:ends AS timestamptz)
),
durations AS (
    SELECT count(*) AS throughput,
           coalesce(sum(cycle_us), 0) AS cycle_sum_us,
           percentile_cont(0.50) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000) AS cycle_p50,
           percentile_cont(0.85) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000) AS cycle_p85,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY cycle_us::float8 / 1000000) AS cycle_p95,
           coalesce(sum(lead_us), 0) AS lead_sum_us,
           percentile_cont(0.50) WITHIN GROUP (ORDER BY lead_us::float8 / 1000000) AS lead_p50,
           percentile_cont(0.85) WITHIN GROUP (ORDER BY lead_us::float8 / 1000000) AS lead_p85,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY lead_us::float8 / 1000000) AS lead_p95
    FROM finished
),
-- Items that were taken back to before the start since the first of the finished ones was started.
decommitted AS MATERIALIZED (
    SELECT DISTINCT d.work_item_id
    FROM crossings c
    CROSS JOIN LATERAL (
        SELECT t.work_item_id
        FROM stage_transitions t
        WHERE t.value_stream_id = CAST(:stream_id AS integer)
          AND t.from_stage_id = c.from_id
          AND t.to_stage_id = c.to_id
          AND t.timestamp >= (SELECT min(started_at) FROM finished)
          AND t.timestamp < CAST(:ends AS timestamptz)
          AND t.voided_at IS NULL
        OFFSET 0
    ) d
    WHERE c.left_zone = 'doing' AND c.entered_zone = 'todo'
),
parked AS (
    SELECT coalesce(sum((extract(epoch FROM least(v.exited, v.finished_at) - v.entered)
                         * 1000000)::bigint), 0) AS parked_us
    FROM (
        SELECT t.timestamp AS entered, z.zone, f.started_at, f.finished_at,
               lead(t.timestamp) OVER (PARTITION BY t.work_item_id ORDER BY t.timestamp, t.id)
                   AS exited
        FROM decommitted d
        JOIN finished f ON f.id = d.work_item_id
        JOIN stage_transitions t ON t.work_item_id = f.id AND t.voided_at IS NULL
        JOIN zones z ON z.stage_id = t.to_stage_id
        WHERE f.cycle_us > 0
    ) v
    WHERE v.zone = 'todo' AND v.entered >= v.started_at AND v.entered < v.finished_at
),
arrivals AS (
    SELECT count(*) FILTER (WHERE effective_created_at < CAST(:ends AS timestamptz)) AS created
    FROM items
    WHERE effective_created_at >= CAST(:starts AS timestamptz)
),
starts AS (
    SELECT count(*) AS started
    FROM items
    WHERE started_at >= CAST(:starts AS timestamptz) AND started_at < CAST(:ends AS timestamptz)
),
discards AS (
    SELECT count(*) AS discarded, count(started_at) AS discarded_started
    FROM items
    WHERE cancelled_at >= CAST(:starts AS timestamptz)
      AND cancelled_at < CAST(:ends AS timestamptz)
      AND finished_at IS NULL
),
returns AS (
    SELECT count(*) FILTER (WHERE left_zone = 'done') AS reopened,
           count(*) FILTER (WHERE entered_zone = 'done') AS entered_done,
           count(*) FILTER (WHERE left_zone = 'doing' AND entered_zone = 'todo') AS decommits
    FROM moves
    WHERE at < CAST(:ends AS timestamptz)
),
-- As with WIP: today's less what has come in and gone out since the window's end.
open_items AS (
    SELECT p.unfinished
           - (SELECT count(*) FROM items
              WHERE effective_created_at >= CAST(:ends AS timestamptz))
           + (SELECT count(*) FROM items WHERE finished_at >= CAST(:ends AS timestamptz))
           + (SELECT count(*) FROM items
              WHERE cancelled_at >= CAST(:ends AS timestamptz) AND finished_at IS NULL)
           AS open_items
    FROM present p
)
SELECT d.*,
       p.parked_us,
       a.created,
       s.started,
       x.discarded,
       x.discarded_started,
       r.reopened,
       r.entered_done - d.throughput AS recompleted,
       r.decommits,
       w.at_start
           * (extract(epoch FROM CAST(:ends AS timestamptz) - CAST(:starts AS timestamptz))
              * 1000000)::bigint
           + w.stepped_us AS wip_us,
       w.at_as_of AS wip_now,
       w.at_end AS wip_at_end,
       w.backlog_at_end AS backlog_items,
       o.open_items
FROM durations d, parked p, arrivals a, starts s, discards x, returns r, wip w, open_items o;
