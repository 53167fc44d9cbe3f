-- What is odd about the moves and the items in each of several spans of time, by rule and type.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
--   jump, batch  integer: from how many stages ahead, and from how many moves at one instant
-- span is the number of the span, from 1. population is what the rule looks at, n what it finds, and
-- items are the ids concerned, packed as 8-byte integers with the most significant byte first; NULL
-- for none. Moves at one instant do not add up over types, so batch_moves has a row more for each
-- stage and instant to which so many moves of all types went; those of one type may be too few.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
places AS MATERIALIZED (
    SELECT stage_id, zone, row_number() OVER (ORDER BY "order") AS place
    FROM stage_zones
    WHERE value_stream_id = CAST(:stream_id AS integer)
),
-- span by span and by index, whatever the planner thinks of how long a span is: hence OFFSET 0
moves AS MATERIALIZED (
    SELECT s.span, t.work_item_id AS id, t.timestamp AS at, t.to_stage_id, k.type,
           t.from_stage_id IS DISTINCT FROM t.to_stage_id AS is_real,
           t.from_stage_id <> t.to_stage_id AS is_change, -- null for an item's first move
           t.asserted_from_stage_id IS NOT NULL AS is_asserted,
           -- who named a stage that has been merged into another one since meant that one
           coalesce(asserted.merged_into, t.asserted_from_stage_id)
               IS DISTINCT FROM t.from_stage_id AS is_otherwise,
           t.timestamp = t.from_stage_since AS is_instant,
           entered.place - left_one.place >= CAST(:jump AS integer) AS is_jump,
           entered.zone <> 'done' AS is_unfinished
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT work_item_id, timestamp, from_stage_id, to_stage_id, from_stage_since,
               asserted_from_stage_id
        FROM stage_transitions
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND timestamp >= s.starts
          AND timestamp < s.ends
          AND voided_at IS NULL
        OFFSET 0
    ) t
    -- one row by key for each item: a join would read all items; "C" sorts fast
    CROSS JOIN LATERAL (
        SELECT i.type COLLATE "C" AS type FROM work_items i WHERE i.id = t.work_item_id OFFSET 0
    ) k
    JOIN places entered ON entered.stage_id = t.to_stage_id
    LEFT JOIN places left_one ON left_one.stage_id = t.from_stage_id
    LEFT JOIN stages asserted ON asserted.id = t.asserted_from_stage_id
),
tallies AS (
    SELECT span, type,
           count(*) AS moves,
           count(*) FILTER (WHERE is_asserted) AS asserted,
           count(*) FILTER (WHERE is_change) AS changes,
           count(*) FILTER (WHERE is_real AND is_unfinished) AS unfinished
    FROM moves
    GROUP BY span, type
),
flagged AS (
    SELECT m.span, m.type, r.rule, count(*) AS n,
           string_agg(DISTINCT int8send(m.id), ''::bytea) AS items
    FROM moves m
    CROSS JOIN LATERAL (VALUES
        ('from_mismatch', m.is_asserted AND m.is_otherwise),
        ('teleports', m.is_change AND m.is_jump),
        ('instant_visits', m.is_change AND m.is_instant),
        ('self_transitions', NOT m.is_real)
    ) AS r (rule, holds)
    -- the few that are odd in any way, before they are told apart
    WHERE (m.is_asserted AND m.is_otherwise OR m.is_jump OR m.is_instant OR NOT m.is_real)
      AND r.holds
    GROUP BY m.span, m.type, r.rule
),
crowded AS (
    SELECT span, to_stage_id, at
    FROM moves
    WHERE is_real AND is_unfinished
    GROUP BY span, to_stage_id, at
    HAVING count(*) >= CAST(:batch AS integer)
),
created AS (
    SELECT s.span, i.type, count(*) AS population, count(*) FILTER (WHERE i.is_late) AS n,
           string_agg(int8send(i.id), ''::bytea ORDER BY i.id) FILTER (WHERE i.is_late) AS items
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, type, created_at > effective_created_at AS is_late
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND effective_created_at >= s.starts AND effective_created_at < s.ends
        OFFSET 0
    ) i
    GROUP BY s.span, i.type
),
finished AS (
    SELECT s.span, i.type, count(*) AS population, count(*) FILTER (WHERE i.is_at_once) AS n,
           string_agg(int8send(i.id), ''::bytea ORDER BY i.id) FILTER (WHERE i.is_at_once) AS items
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT id, type, finished_at = started_at AS is_at_once
        FROM work_items
        WHERE value_stream_id = CAST(:stream_id AS integer)
          AND finished_at >= s.starts AND finished_at < s.ends
        OFFSET 0
    ) i
    GROUP BY s.span, i.type
),
found AS (
    SELECT t.span, t.type, p.rule, 0 AS stage_id, CAST(NULL AS timestamptz) AS at,
           p.population, coalesce(f.n, 0) AS n, f.items
    FROM tallies t
    CROSS JOIN LATERAL (VALUES
        ('from_mismatch', t.asserted),
        ('teleports', t.changes),
        ('instant_visits', t.changes),
        ('batch_moves', t.unfinished),
        ('self_transitions', t.moves)
    ) AS p (rule, population)
    LEFT JOIN flagged f ON f.span = t.span AND f.type = t.type AND f.rule = p.rule
    UNION ALL
    SELECT m.span, m.type, 'batch_moves', m.to_stage_id, m.at, 0, count(*),
           string_agg(DISTINCT int8send(m.id), ''::bytea)
    FROM moves m
    JOIN crowded c ON c.span = m.span AND c.to_stage_id = m.to_stage_id AND c.at = m.at
    WHERE m.is_real AND m.is_unfinished
    GROUP BY m.span, m.type, m.to_stage_id, m.at
    UNION ALL
    SELECT span, type, 'created_after_first_transition', 0, NULL, population, n, items FROM created
    UNION ALL
    SELECT span, type, 'completed_without_start', 0, NULL, population, n, items FROM finished
)
SELECT span, type, rule, stage_id, at, population, n, items
FROM found
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]));
