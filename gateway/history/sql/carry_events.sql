-- The last state of each event that changed on a day which goes, and has not ended. $1, $2: the day and its end.
INSERT INTO history.event_change_before
SELECT last.* FROM (
    SELECT DISTINCT ON (event) * FROM history.event_change
    WHERE ts_log >= $1 AND ts_log < $2
    ORDER BY event ASC, ts_log DESC, s DESC
) AS last
WHERE last.body::jsonb ->> 'state' <> 'ended'
