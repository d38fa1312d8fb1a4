-- The last state of each market that changed on a day which goes, and has not ended. $1, $2: the day and its end.
INSERT INTO history.change_before
SELECT last.* FROM (
    SELECT DISTINCT ON (market) * FROM history.change
    WHERE ts_log >= $1 AND ts_log < $2
    ORDER BY market ASC, ts_log DESC, s DESC
) AS last
INNER JOIN history.form ON form.form = last.form
WHERE NOT form.gone
