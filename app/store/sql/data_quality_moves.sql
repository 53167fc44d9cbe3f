-- What is odd about the moves of one value stream in the window [starts, ends).
--   stream_id  integer
--   starts, ends, as_of  timestamptz
--   types  text[]: only moves of items of these types; NULL for all
--   first  integer: name at most so many items for each rule, lowest ids first
--   jump, batch  integer: from how many stages ahead, and from how many moves at one instant
-- One row for each rule: population, found, items_total and items (bigint[]).
WITH places AS (
    SELECT stage_id, zone, row_number() OVER (ORDER BY "order") AS place
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer)
),
moves AS NOT MATERIALIZED (
    SELECT t.work_item_id, t.timestamp AS at, t.to_stage_id,
           t.from_stage_id IS DISTINCT FROM t.to_stage_id AS is_real,
           t.from_stage_id <> t.to_stage_id AS is_change, -- null for an item's first move
           t.asserted_from_stage_id IS NOT NULL AS is_asserted,
           -- who named a stage that has been merged into another one since meant that one
           coalesce(asserted.merged_into, t.asserted_from_stage_id)
               IS DISTINCT FROM t.from_stage_id AS is_otherwise,
           t.timestamp = t.from_stage_since AS is_instant,
           entered.place - left_one.place AS ahead,
           entered.zone <> 'done' AS is_unfinished
    FROM stage_transitions t
    JOIN places entered ON entered.stage_id = t.to_stage_id
    LEFT JOIN places left_one ON left_one.stage_id = t.from_stage_id
    LEFT JOIN stages asserted ON asserted.id = t.asserted_from_stage_id
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.timestamp < CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
      AND (CAST(:types AS text[]) IS NULL
           -- one row by key for each move: a join would read all items of the types
           OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
              = ANY (CAST(:types AS text[])))
),
future AS (
    SELECT t.work_item_id
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp > CAST(:as_of AS timestamptz)
      AND t.recorded_at <= CAST(:as_of AS timestamptz)
      AND t.voided_at IS NULL
      AND (CAST(:types AS text[]) IS NULL
           -- one row by key for each move: a join would read all items of the types
           OR (SELECT i.type FROM work_items i WHERE i.id = t.work_item_id)
              = ANY (CAST(:types AS text[])))
),
crowded AS (
    -- in the order of the index; few instants are left
    SELECT t.timestamp AS at
    FROM stage_transitions t
    WHERE t.value_stream_id = CAST(:stream_id AS integer)
      AND t.timestamp >= CAST(:starts AS timestamptz)
      AND t.timestamp < CAST(:ends AS timestamptz)
      AND t.voided_at IS NULL
    GROUP BY t.timestamp
    HAVING count(*) >= CAST(:batch AS integer)
),
batches AS (
    SELECT unnest(array_agg(work_item_id)) AS work_item_id
    FROM moves
    JOIN crowded USING (at)
    WHERE is_real AND is_unfinished
    GROUP BY to_stage_id, at
    HAVING count(*) >= CAST(:batch AS integer)
),
flagged AS (
    SELECT r.rule, m.work_item_id
    FROM moves m
    CROSS JOIN LATERAL (VALUES
        ('from_mismatch', m.is_asserted AND m.is_otherwise),
        ('teleports', m.is_change AND m.ahead >= CAST(:jump AS integer)),
        ('instant_visits', m.is_change AND m.is_instant),
        ('self_transitions', NOT m.is_real)
    ) AS r (rule, holds)
    -- the few that are odd in any way, before they are told apart
    WHERE (m.is_asserted AND m.is_otherwise
           OR m.ahead >= CAST(:jump AS integer)
           OR m.is_instant
           OR NOT m.is_real)
      AND r.holds
    UNION ALL
    SELECT 'batch_moves', work_item_id FROM batches
    UNION ALL
    SELECT 'ignored_future', work_item_id FROM future
),
tallies AS (
    SELECT count(*) AS moves,
           count(*) FILTER (WHERE is_asserted) AS asserted,
           count(*) FILTER (WHERE is_change) AS changes,
           count(*) FILTER (WHERE is_real AND is_unfinished) AS unfinished
    FROM moves
),
populations AS (
    SELECT p.rule, p.population
    FROM tallies, LATERAL (VALUES
        ('from_mismatch', asserted),
        ('teleports', changes),
        ('instant_visits', changes),
        ('batch_moves', unfinished),
        ('self_transitions', moves),
        ('ignored_future', moves + (SELECT count(*) FROM future))
    ) AS p (rule, population)
)
SELECT p.rule, p.population,
       count(f.work_item_id) AS found,
       count(DISTINCT f.work_item_id) AS items_total,
       (array_agg(DISTINCT f.work_item_id ORDER BY f.work_item_id)
            FILTER (WHERE f.work_item_id IS NOT NULL))[1:CAST(:first AS integer)] AS items
FROM populations p
LEFT JOIN flagged f USING (rule)
GROUP BY p.rule, p.population;
