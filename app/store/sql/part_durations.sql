-- The durations that ended in each of several spans of time, sorted and packed: for percentiles.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- span is the number of the span, from 1. measure is 'cycle' or 'lead', of the items finished there
-- (stage_id 0), or 'visit', of the visits to stage_id that a move ended there. packed_us is a row of
-- 8-byte integers, the most significant byte first, in microseconds, ascending.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
durations AS (
    SELECT s.span, d.measure, 0 AS stage_id, f.type, d.us
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT i.type,
               span_us(i.started_at, i.finished_at, CAST(:calendar AS integer)) AS cycle_us,
               span_us(i.effective_created_at, i.finished_at, CAST(:calendar AS integer)) AS lead_us
        FROM work_items i
        WHERE i.value_stream_id = CAST(:stream_id AS integer)
          AND i.finished_at >= s.starts AND i.finished_at < s.ends
    ) f
    CROSS JOIN LATERAL (VALUES ('cycle', f.cycle_us), ('lead', f.lead_us)) AS d (measure, us)
    UNION ALL
    SELECT s.span, 'visit', v.stage_id, v.type, v.us
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT i.type, t.from_stage_id AS stage_id,
               span_us(t.from_stage_since, t.timestamp, CAST(:calendar AS integer)) AS us
        FROM stage_transitions t
        JOIN work_items i ON i.id = t.work_item_id
        WHERE t.value_stream_id = CAST(:stream_id AS integer)
          AND t.timestamp >= s.starts AND t.timestamp < s.ends
          AND t.voided_at IS NULL
          AND t.from_stage_id <> t.to_stage_id
    ) v
)
SELECT span, measure, stage_id, type, string_agg(int8send(us), ''::bytea ORDER BY us) AS packed_us
FROM durations
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
GROUP BY span, measure, stage_id, type;
