-- The last state of each market that changed on a day which goes; `ended`: it need not be carried on.
CREATE TEMPORARY TABLE carried_change ON COMMIT DROP AS
SELECT last.*, form.gone AS ended
FROM (
    SELECT DISTINCT ON (market) * FROM history.change_{day}
    ORDER BY market ASC, ts_log DESC, s DESC
) AS last
INNER JOIN history.form ON form.form = last.form
