-- When the oldest item in process in each stage was started. Takes no parameters.
-- One look into the index per stage.
SELECT z.stage_id, oldest.started_at
FROM stage_zones z
CROSS JOIN LATERAL (
    SELECT i.started_at
    FROM work_items i
    WHERE i.value_stream_id = z.value_stream_id
      AND i.current_stage_id = z.stage_id
      AND i.cancelled_at IS NULL
      AND i.started_at IS NOT NULL
    ORDER BY i.started_at
    LIMIT 1
) oldest
WHERE z.zone = 'doing';
