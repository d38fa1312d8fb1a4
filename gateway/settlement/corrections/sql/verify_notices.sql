-- Users of a job who were not told exactly once. $1 correction.
SELECT count(*) FROM (
    SELECT owner.owner FROM correction.owner
    LEFT JOIN money.outbox
        ON outbox.owner = owner.owner AND outbox.kind = 'bet_corrected' AND outbox.data ->> 'correction' = owner.correction
    WHERE owner.correction = $1
    GROUP BY owner.owner
    HAVING count(outbox.position) <> 1
) AS wrong
