-- How lively the sources of one value stream are in the window [starts, ends).
--   stream_id  integer
--   starts, ends  timestamptz; as_of is not needed: ends lies at most 1 microsecond after it
--   types  text[]: only items of these types; NULL for all
-- One row for each source with moves in the window, or with items that are open at its end and in
-- a stage, or in none yet; source is NULL for items born in this service.
WITH items AS NOT MATERIALIZED (
    SELECT i.id, i.source, i.effective_created_at, i.finished_at, i.cancelled_at,
           i.current_stage_id
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
moves AS MATERIALIZED (
    SELECT t.work_item_id, t.timestamp AS at
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.timestamp < CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
),
moved AS MATERIALIZED (
    -- each item once, however often it moved; an array is looked up by index
    SELECT id, source FROM items WHERE id = ANY (ARRAY(SELECT DISTINCT work_item_id FROM moves))
),
hours AS (
    -- pauses within an hour are never the longest that matters
    SELECT i.source, count(*) AS moves, min(m.at) AS first_at, max(m.at) AS last_at
    FROM moves m
    JOIN moved i ON i.id = m.work_item_id
    GROUP BY i.source, date_bin('1 hour', m.at, CAST(:starts AS timestamptz))
),
pauses AS (
    SELECT source, moves, last_at,
           first_at - lag(last_at) OVER (PARTITION BY source ORDER BY first_at) AS pause
    FROM hours
),
unfinished AS (
    -- by index: what is open now, and what was finished or cancelled only since
    SELECT source, effective_created_at
    FROM items
    WHERE cancelled_at IS NULL AND finished_at IS NULL AND current_stage_id IS NULL
    UNION ALL
    SELECT source, effective_created_at
    FROM items
    WHERE cancelled_at IS NULL AND finished_at IS NULL
      AND current_stage_id = ANY (ARRAY(
          SELECT stage_id FROM stage_zones
          WHERE value_stream_id = CAST(:stream_id AS integer) AND zone <> 'done'))
    UNION ALL
    SELECT source, effective_created_at
    FROM items
    WHERE finished_at >= CAST(:ends AS timestamptz)
      AND (cancelled_at IS NULL OR cancelled_at >= CAST(:ends AS timestamptz))
    UNION ALL
    SELECT source, effective_created_at
    FROM items
    WHERE cancelled_at >= CAST(:ends AS timestamptz) AND finished_at IS NULL
),
seen AS (
    SELECT source, sum(moves) AS moves, max(last_at) AS last_at,
           (extract(epoch FROM max(pause)) * 1000000)::bigint AS longest_pause_us,
           0 AS open_items
    FROM pauses
    GROUP BY source
    UNION ALL
    SELECT source, 0, NULL, NULL, count(*)
    FROM unfinished
    WHERE effective_created_at < CAST(:ends AS timestamptz)
    GROUP BY source
)
SELECT source, sum(moves)::bigint AS moves, max(last_at) AS last_at,
       coalesce(max(longest_pause_us), 0) AS longest_pause_us,
       sum(open_items)::bigint AS open_items
FROM seen
GROUP BY source;
