-- What lay where just before a window, and what happened in each of its buckets, by kind.
--   stream_id  integer
--   starts, ends  timestamptz: the window
--   edges  timestamptz[]: starts, where each further bucket begins, ascending, and ends
--   types  text[]: only items of these types; NULL for all
--
-- Two kinds of row, each with how many items it stands for:
--   bucket 0: items that lay in a todo or doing stage, from_stage_id, just before the window;
--   buckets from 1 on: moves from from_stage_id (NULL: the first) to to_stage_id, and cancellations
--     (to_stage_id NULL), of which those of unfinished items are discarded.
-- mark is the largest order that the items had come to before, NULL for none.
--
-- Moves are counted as if each item had its mark where it is. That is true of items that only move
-- forward; the others, the strays, are corrected: counted once more with their true mark, and once
-- less without it. Strays lay below their mark before the window, or go back in it. A row of the
-- log tells which visit it ended and since when that lasted, so a visit that spans the window's
-- start is found without replaying a history.
WITH zones AS (
    SELECT stage_id, zone, "order" AS rank,
           min("order") FILTER (WHERE zone = 'done') OVER () AS done_rank,
           max("order") FILTER (WHERE zone = 'todo') OVER () AS last_todo_rank
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer)
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.started_at, i.finished_at, i.cancelled_at, i.current_stage_id,
           i.current_stage_since
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
moves AS NOT MATERIALIZED (
    SELECT t.work_item_id, t.timestamp AS at, t.from_stage_id, t.from_stage_since, t.to_stage_id
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.voided_at IS NULL
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
),
cancelled AS (
    SELECT i.id AS work_item_id, i.cancelled_at AS at, i.current_stage_id, i.current_stage_since,
           i.finished_at IS NULL AS discarded, z.rank
    FROM items i
    LEFT JOIN zones z ON z.stage_id = i.current_stage_id
    WHERE i.cancelled_at >= CAST(:starts AS timestamptz)
      AND coalesce(z.zone, 'todo') <> 'done'
),
-- materialized, so that the type is looked up for these few moves alone
notable_of_all_types AS MATERIALIZED (
    SELECT m.work_item_id, m.from_stage_id, m.from_stage_since,
           z.rank < f.rank AND m.at < CAST(:ends AS timestamptz) AS goes_back
    FROM moves m
    JOIN zones f ON f.stage_id = m.from_stage_id
    JOIN zones z ON z.stage_id = m.to_stage_id
    WHERE m.from_stage_since < CAST(:starts AS timestamptz) OR z.rank < f.rank
),
notable AS MATERIALIZED (
    SELECT *
    FROM notable_of_all_types n
    WHERE CAST(:types AS text[]) IS NULL
       OR (SELECT i.type FROM work_items i WHERE i.id = n.work_item_id)
          = ANY (CAST(:types AS text[]))
),
spanning AS (
    SELECT work_item_id, from_stage_id AS stage_id
    FROM notable
    WHERE from_stage_since < CAST(:starts AS timestamptz)
    UNION ALL
    SELECT work_item_id, current_stage_id
    FROM cancelled
    WHERE current_stage_since < CAST(:starts AS timestamptz)
    UNION ALL
    SELECT id, current_stage_id
    FROM items
    WHERE cancelled_at IS NULL
      AND current_stage_id IN (SELECT stage_id FROM zones WHERE zone <> 'done')
      AND current_stage_since < CAST(:starts AS timestamptz)
),
placed AS MATERIALIZED (
    SELECT s.work_item_id, s.stage_id, z.rank,
           CASE
               WHEN i.finished_at < CAST(:starts AS timestamptz) THEN z.done_rank
               -- never started, and already in the last stage before the start
               WHEN (i.started_at IS NULL OR i.started_at >= CAST(:starts AS timestamptz))
                    AND z.rank = z.last_todo_rank THEN z.rank
               ELSE (
                   SELECT max(p.rank)
                   FROM stage_transitions t
                   JOIN zones p ON p.stage_id = t.to_stage_id
                   WHERE t.work_item_id = s.work_item_id
                     AND t.timestamp < CAST(:starts AS timestamptz)
                     AND t.voided_at IS NULL
               )
           END AS mark
    FROM spanning s
    JOIN zones z ON z.stage_id = s.stage_id AND z.zone <> 'done'
    JOIN work_items i ON i.id = s.work_item_id
),
strays AS MATERIALIZED (
    SELECT work_item_id FROM placed WHERE rank < mark
    UNION
    SELECT work_item_id FROM notable WHERE goes_back
),
-- item by item, and before the zones are joined: once, not once for each stage
stray_moves AS MATERIALIZED (
    SELECT t.*
    FROM strays
    CROSS JOIN LATERAL (
        SELECT id, work_item_id, timestamp AS at, from_stage_id, to_stage_id
        FROM stage_transitions
        WHERE work_item_id = strays.work_item_id
          AND timestamp >= CAST(:starts AS timestamptz)
          AND timestamp < CAST(:ends AS timestamptz)
          AND voided_at IS NULL
          AND from_stage_id IS DISTINCT FROM to_stage_id
        OFFSET 0
    ) t
),
stray_events AS (
    SELECT t.id, t.work_item_id, t.at, t.from_stage_id, t.to_stage_id,
           f.rank AS from_rank, z.rank AS to_rank, false AS discarded
    FROM stray_moves t
    JOIN zones z ON z.stage_id = t.to_stage_id
    LEFT JOIN zones f ON f.stage_id = t.from_stage_id
    UNION ALL
    -- an item's cancellation follows all its moves
    SELECT 9223372036854775807, work_item_id, at, current_stage_id, NULL, rank, NULL, discarded
    FROM cancelled
    JOIN strays USING (work_item_id)
    WHERE at < CAST(:ends AS timestamptz)
),
marked AS (
    SELECT e.at, e.from_stage_id, e.to_stage_id, e.from_rank, e.discarded,
           greatest(p.mark,
                    max(greatest(e.from_rank, e.to_rank)) OVER (
                        PARTITION BY e.work_item_id ORDER BY e.at, e.id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS mark
    FROM stray_events e
    LEFT JOIN placed p USING (work_item_id)
),
counted AS (
    SELECT width_bucket(at, CAST(:edges AS timestamptz[])) AS bucket, from_stage_id, to_stage_id,
           count(*) AS items
    FROM moves m
    WHERE at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL
           OR (SELECT i.type FROM work_items i WHERE i.id = m.work_item_id)
              = ANY (CAST(:types AS text[])))
    GROUP BY 1, 2, 3
)
SELECT 0 AS bucket, stage_id AS from_stage_id, CAST(NULL AS integer) AS to_stage_id, mark,
       false AS discarded, count(*) AS items
FROM placed
GROUP BY stage_id, mark
UNION ALL
SELECT c.bucket, c.from_stage_id, c.to_stage_id, f.rank, false, c.items
FROM counted c
LEFT JOIN zones f ON f.stage_id = c.from_stage_id
UNION ALL
SELECT width_bucket(at, CAST(:edges AS timestamptz[])), current_stage_id, NULL, rank, discarded,
       count(*)
FROM cancelled
WHERE at < CAST(:ends AS timestamptz)
GROUP BY 1, 2, 4, 5
UNION ALL
SELECT width_bucket(m.at, CAST(:edges AS timestamptz[])), m.from_stage_id, m.to_stage_id,
       true_or_not.mark, m.discarded, sum(true_or_not.items)
FROM marked m
CROSS JOIN LATERAL (VALUES (m.mark, 1), (m.from_rank, -1)) AS true_or_not (mark, items)
WHERE m.mark > m.from_rank
GROUP BY 1, 2, 3, 4, 5;
