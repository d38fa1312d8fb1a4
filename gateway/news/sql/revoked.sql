-- What was taken back lately: keys, and accounts as a whole. A token may live for a day.
SELECT 'key/' || id AS name, extract(EPOCH FROM revoked)::bigint AS at FROM access.api_key
WHERE revoked > now() - interval '25 hours'
UNION ALL
SELECT account AS name, extract(EPOCH FROM at)::bigint AS at FROM access.revoked_account
WHERE at > now() - interval '25 hours'
LIMIT 10000
