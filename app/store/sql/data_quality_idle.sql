-- Which items of one value stream in process at the end of the window [starts, ends) have been in
-- their stage for longer than a limit.
--   stream_id  integer
--   starts, ends  timestamptz; as_of is not needed: ends lies at most 1 microsecond after it
--   types  text[]: only items of these types; NULL for all
--   first  integer: name at most so many items, lowest ids first
--   idle_us  bigint: longer than this is long
-- One row: rule, population, found, items_total, items (bigint[]).
--
-- Where an item stands is known now; if it has moved since the window, its first later move tells
-- the stage it was in and since when.
WITH doing AS (
    SELECT stage_id
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer) AND zone = 'doing'
),
items AS NOT MATERIALIZED (
    SELECT i.id, i.current_stage_id, i.current_stage_since, i.last_transition_at, i.cancelled_at
    FROM work_items i
    WHERE i.value_stream_id = CAST(:stream_id AS integer)
      AND (CAST(:types AS text[]) IS NULL OR i.type = ANY (CAST(:types AS text[])))
),
later AS (
    SELECT DISTINCT ON (t.work_item_id)
           t.work_item_id, t.from_stage_id, t.from_stage_since
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
    ORDER BY t.work_item_id, t.timestamp, t.id
),
standing AS (
    SELECT id, current_stage_since AS since
    FROM items
    WHERE cancelled_at IS NULL
      AND current_stage_id = ANY (ARRAY(SELECT stage_id FROM doing))
      AND last_transition_at < CAST(:ends AS timestamptz)
    UNION ALL
    SELECT id, current_stage_since
    FROM items
    WHERE cancelled_at >= CAST(:ends AS timestamptz)
      AND current_stage_id = ANY (ARRAY(SELECT stage_id FROM doing))
      AND last_transition_at < CAST(:ends AS timestamptz)
    UNION ALL
    SELECT i.id, l.from_stage_since
    FROM later l
    JOIN items i ON i.id = l.work_item_id
    WHERE l.from_stage_id IN (SELECT stage_id FROM doing)
),
looked_at AS (
    SELECT s.id,
           span_us(s.since, CAST(:ends AS timestamptz)) > CAST(:idle_us AS bigint) AS is_idle
    FROM standing s
)
SELECT 'long_idle' AS rule,
       count(*) AS population,
       count(*) FILTER (WHERE is_idle) AS found,
       count(*) FILTER (WHERE is_idle) AS items_total,
       (array_agg(id ORDER BY id) FILTER (WHERE is_idle))[1:CAST(:first AS integer)] AS items
FROM looked_at;
