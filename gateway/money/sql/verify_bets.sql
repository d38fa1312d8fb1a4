-- Every bet, with the number of keys that made it and of its holds.
SELECT
    bet.bet, bet.state,
    (
        SELECT count(*) FROM money.key
        WHERE key.owner = bet.owner AND key.client_key = bet.client_key AND key.verb = 'bet' AND key.subject = bet.bet
    ),
    (SELECT count(*) FROM money.hold WHERE hold.bet = bet.bet)
FROM bets.bet
