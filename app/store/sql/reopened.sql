-- Of the items first finished in each bucket of the window [starts, ends), how many came back.
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   edges  timestamptz[]: starts, where each further bucket begins, ascending, and ends
--   types  text[]: only items of these types; NULL for all
--   follow_up  interval: how long each item is followed after its finish
-- One row per bucket in which something was finished; buckets are numbered from 1.
WITH zones AS (
    SELECT stage_id, zone FROM stage_zones WHERE value_stream_id = CAST(:stream_id AS integer)
),
finished AS (
    SELECT id, finished_at
    FROM work_items
    WHERE value_stream_id = CAST(:stream_id AS integer)
      AND finished_at >= CAST(:starts AS timestamptz)
      AND finished_at < CAST(:ends AS timestamptz)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[])))
),
-- moves out of done, which are few: a range of an index for each pair of stages
exits AS MATERIALIZED (
    SELECT m.work_item_id, min(m.at) AS at
    FROM zones f
    JOIN zones z ON f.zone = 'done' AND z.zone <> 'done'
    CROSS JOIN LATERAL (
        SELECT t.work_item_id, t.timestamp AS at
        FROM stage_transitions t
        WHERE t.value_stream_id = CAST(:stream_id AS integer)
          AND t.from_stage_id = f.stage_id
          AND t.to_stage_id = z.stage_id
          AND t.timestamp >= CAST(:starts AS timestamptz)
          AND t.timestamp < CAST(:ends AS timestamptz) + CAST(:follow_up AS interval)
          AND t.timestamp <= CAST(:as_of AS timestamptz)
          AND t.voided_at IS NULL
        OFFSET 0
    ) m
    GROUP BY m.work_item_id
)
SELECT width_bucket(f.finished_at, CAST(:edges AS timestamptz[])) AS bucket,
       count(*) AS finished,
       count(*) FILTER (WHERE e.at < f.finished_at + CAST(:follow_up AS interval)) AS reopened
FROM finished f
LEFT JOIN exits e ON e.work_item_id = f.id
GROUP BY bucket;
