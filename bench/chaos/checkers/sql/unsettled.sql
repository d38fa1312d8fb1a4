-- What settlement still has to do, and bets that wait to be decided.
SELECT (SELECT count(*) FROM settlement.work) + (
    SELECT count(*) FROM bets.bet WHERE bet.state = 'pending_acceptance'
)
