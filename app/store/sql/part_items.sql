-- Items created, started and finished in each of several spans of time, by type.
--   stream_id  integer
--   starts, ends  timestamptz[]: the spans, [starts, ends) each, which do not overlap
--   types  text[]: only items of these types; NULL for all
--   calendar  integer: the stream whose working time counts; NULL for elapsed time
-- span is the number of the span, from 1. created_until_end_us adds up the time from each creation
-- to the span's end, late_n counts items that moved before they are said to have been created.
-- cycles and leads are the times of the finished items, in microseconds, ascending, packed as 8-byte
-- integers with the most significant byte first; NULL for none.
WITH spans AS (
    SELECT s.span, s.starts, s.ends
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
         AS s (starts, ends, span)
),
parts AS (
    SELECT s.span, c.type, c.n AS created_n, c.until_end_us AS created_until_end_us, c.late_n,
           0 AS started_n, 0 AS finished_n, 0 AS cycle_us, 0 AS lead_us,
           CAST(NULL AS bytea) AS cycles, CAST(NULL AS bytea) AS leads
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT i.type, count(*) AS n, sum(span_us(i.effective_created_at, s.ends)) AS until_end_us,
               count(*) FILTER (WHERE i.created_at > i.effective_created_at) AS late_n
        FROM work_items i
        WHERE i.value_stream_id = CAST(:stream_id AS integer)
          AND i.effective_created_at >= s.starts AND i.effective_created_at < s.ends
        GROUP BY i.type
    ) c
    UNION ALL
    SELECT s.span, b.type, 0, 0, 0, b.n, 0, 0, 0, NULL, NULL
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT i.type, count(*) AS n
        FROM work_items i
        WHERE i.value_stream_id = CAST(:stream_id AS integer)
          AND i.started_at >= s.starts AND i.started_at < s.ends
        GROUP BY i.type
    ) b
    UNION ALL
    SELECT s.span, f.type, 0, 0, 0, 0, f.n, f.cycle_us, f.lead_us, f.cycles, f.leads
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT type, count(*) AS n, sum(cycle_us) AS cycle_us, sum(lead_us) AS lead_us,
               string_agg(int8send(cycle_us), ''::bytea ORDER BY cycle_us) AS cycles,
               string_agg(int8send(lead_us), ''::bytea ORDER BY lead_us) AS leads
        FROM (
            SELECT i.type,
                   span_us(i.started_at, i.finished_at, CAST(:calendar AS integer)) AS cycle_us,
                   span_us(i.effective_created_at, i.finished_at, CAST(:calendar AS integer))
                       AS lead_us
            FROM work_items i
            WHERE i.value_stream_id = CAST(:stream_id AS integer)
              AND i.finished_at >= s.starts AND i.finished_at < s.ends
        ) AS finished
        GROUP BY type
    ) f
)
SELECT span, type,
       sum(created_n) AS created_n, sum(created_until_end_us) AS created_until_end_us,
       sum(late_n) AS late_n, sum(started_n) AS started_n, sum(finished_n) AS finished_n,
       sum(cycle_us) AS cycle_us, sum(lead_us) AS lead_us,
       -- one of the parts has them
       string_agg(cycles, ''::bytea) AS cycles, string_agg(leads, ''::bytea) AS leads
FROM parts
WHERE CAST(:types AS text[]) IS NULL OR type = ANY (CAST(:types AS text[]))
GROUP BY span, type;
