-- The last state of each event that changed on a day which goes; `ended`: it need not be carried on.
CREATE TEMPORARY TABLE carried_event_change ON COMMIT DROP AS
SELECT last.*, last.body::jsonb ->> 'state' = 'ended' AS ended
FROM (
    SELECT DISTINCT ON (event) * FROM history.event_change_{day}
    ORDER BY event ASC, ts_log DESC, s DESC
) AS last
