-- Decisions about an account from $2 until before $3, the oldest first. No coordinates.
SELECT at, kind, subject, outcome, jurisdiction, network, accuracy_m, receipt, expires, boundaries, rules, market, rule
FROM location.decision
WHERE account = $1 AND at >= $2 AND at < $3
ORDER BY at, id
LIMIT $4
