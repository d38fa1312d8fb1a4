-- Keys of accounts, what they were used for, and the bet's or movement's own words.
SELECT key.owner, key.client_key, key.verb, key.status, key.subject, bet.stake, bet.state
FROM money.key LEFT JOIN bets.bet ON bet.bet = key.subject
WHERE key.owner = ANY($1)
