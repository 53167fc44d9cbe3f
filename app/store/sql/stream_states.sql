-- When the latest move of each stream happened, and how far its roll-ups are behind, in seconds.
--   grace  interval: how long after its end a day should be rolled up
--
-- Behind is the time that could be rolled up and is not: whole local days that are closed, or the
-- time since when a change has been waiting. 0 for a stream without items.
SELECT v.id AS stream_id, v.key,
       (SELECT max(t.timestamp)
        FROM stage_transitions t
        WHERE t.value_stream_id = v.id AND t.voided_at IS NULL) AS last_event,
       greatest(
           0,
           extract(epoch FROM
               date_trunc('day', (now() - CAST(:grace AS interval)) AT TIME ZONE v.time_zone)
                   AT TIME ZONE v.time_zone
               - coalesce(
                   s.filled_until,
                   (SELECT min(i.effective_created_at)
                    FROM work_items i
                    WHERE i.value_stream_id = v.id))),
           (SELECT extract(epoch FROM now() - min(r.recorded_at))
            FROM rollup_invalidations r
            WHERE r.value_stream_id = v.id)
       )::double precision AS rollup_lag
FROM value_streams v
LEFT JOIN rollup_state s
       ON s.value_stream_id = v.id
      AND s.tz = v.time_zone
      AND s.definitions_version = v.definitions_version
ORDER BY v.id;
