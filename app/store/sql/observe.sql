-- What Prometheus is told of all value streams, as rows (series, first label, second label, value).
--   negated_bounds  float8[]: upper bounds of the cycle time buckets in seconds, times -1, ascending
-- Moves to the stage already in force, and voided ones, are no moves.
SELECT 'created' AS series, type AS label, '' AS other, count(*)::float8 AS value
FROM work_items
GROUP BY type
UNION ALL
SELECT 'completed', type, '', count(*)
FROM work_items
WHERE finished_at IS NOT NULL
GROUP BY type
UNION ALL
SELECT 'transitions', coalesce(f.name, ''), t.name, sum(m.n)
FROM (
    SELECT from_stage_id, to_stage_id, count(*) AS n
    FROM stage_transitions
    WHERE voided_at IS NULL AND from_stage_id IS DISTINCT FROM to_stage_id
    GROUP BY from_stage_id, to_stage_id
) m
JOIN stages t ON t.id = m.to_stage_id
LEFT JOIN stages f ON f.id = m.from_stage_id
GROUP BY f.name, t.name
UNION ALL
SELECT 'in_progress', z.name, z.zone, count(i.id)
FROM stage_zones z
LEFT JOIN work_items i ON i.current_stage_id = z.stage_id
                      AND (i.cancelled_at IS NULL OR z.zone = 'done')
GROUP BY z.name, z.zone
UNION ALL
SELECT 'cycle_time', bucket::text, '', count(*)
FROM (
    -- both sides negated, because a bucket's upper bound belongs to it
    SELECT width_bucket(-extract(epoch FROM finished_at - started_at)::float8,
                        CAST(:negated_bounds AS float8[])) AS bucket
    FROM work_items
    WHERE finished_at IS NOT NULL
) h
GROUP BY bucket
UNION ALL
SELECT 'cycle_time_total', '', '', coalesce(sum(extract(epoch FROM finished_at - started_at)), 0)
FROM work_items
WHERE finished_at IS NOT NULL;
