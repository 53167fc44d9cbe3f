-- Which WIP limits some stages had by the end of a window, and since when.
--   stages  integer[]
--   ends  timestamptz: limits that take effect from here on are left out
-- wip_limit is NULL for no limit any more. A limit of which nothing tells since when has always been
-- there. In order of time.
SELECT s.stage_id, s.effective_from, s.wip_limit
FROM stage_limits s
WHERE s.stage_id = ANY (CAST(:stages AS integer[]))
  AND s.effective_from < CAST(:ends AS timestamptz)
UNION ALL
SELECT s.id, CAST('1970-01-01T00:00:00Z' AS timestamptz), s.wip_limit
FROM stages s
WHERE s.id = ANY (CAST(:stages AS integer[]))
  AND s.wip_limit IS NOT NULL
  AND NOT EXISTS (SELECT FROM stage_limits known WHERE known.stage_id = s.id)
ORDER BY effective_from;
