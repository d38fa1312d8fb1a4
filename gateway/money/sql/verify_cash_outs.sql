-- Every bet of which something was cashed out, with its cash-outs by turn; and of each what its key, its hold and its journal
-- say. A bet that says so and has none has nulls.
SELECT
    bet.bet, bet.state = 'cashed_out', bet.stake, bet.cashed_stake, bet.cashed_out,
    cash_out.cash_out, cash_out.stake, cash_out.amount, cash_out.open_stake,
    (
        SELECT count(*) FROM money.key
        WHERE key.owner = cash_out.owner AND key.client_key = cash_out.client_key AND key.verb = 'cash_out'
        AND key.subject = cash_out.cash_out
    ),
    hold.amount, journal.source_key = 'bet/' || bet.bet || '/cash_out/' || cash_out.turn, (
        SELECT sum(entry.amount)::bigint FROM money.entry
        INNER JOIN money.account ON account.account = entry.account
        WHERE entry.journal = hold.resolved AND account.owner = cash_out.owner AND account.kind = 'user:cash'
    ),
    rest.amount
FROM bets.bet
FULL JOIN bets.cash_out ON cash_out.bet = bet.bet
LEFT JOIN money.hold ON hold.bet = cash_out.bet AND hold.turn = cash_out.turn AND hold.state = 'posted'
LEFT JOIN money.journal ON journal.journal = hold.resolved
LEFT JOIN money.hold AS rest ON rest.bet = cash_out.bet AND rest.turn = cash_out.turn + 1
WHERE bet.bet IS NULL OR cash_out.cash_out IS NOT NULL OR bet.cashed_stake <> 0 OR bet.cashed_out <> 0
ORDER BY coalesce(bet.bet, cash_out.bet), cash_out.turn
