-- Limits of an account at a time, with what counts against each. $1 owner, $2 when.
SELECT
    kind, period, currency,
    CASE WHEN pending_at <= $2 THEN pending_amount ELSE amount END,
    protection.used_of(owner, kind, period, $2),
    pending_at > $2, CASE WHEN pending_at > $2 THEN pending_amount END, CASE WHEN pending_at > $2 THEN pending_at END
FROM protection.allowance
WHERE owner = $1
ORDER BY kind, array_position(ARRAY['bet', 'day', 'week', 'month'], period)
