-- For pgbench: the moves of one item, oldest first, with the names of the stages.
\set id random(1, :items)
SELECT t.id, t.work_item_id, departed.name AS from_stage, entered.name AS to_stage, t.timestamp
FROM stage_transitions t
JOIN stages entered ON entered.id = t.to_stage_id
LEFT JOIN stages departed ON departed.id = t.from_stage_id
WHERE t.work_item_id = :id AND t.voided_at IS NULL
ORDER BY t.timestamp, t.id;
