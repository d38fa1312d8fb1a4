"""Which rule of DOMAIN.md section 5 is looked at by whom, and which is not looked at here, and why."""

from __future__ import annotations

CHECKERS: dict[str, str] = {
    "S1": "view: positions of a market rise in the frames of a connection",
    "S2": "view: every delta leads from what the device holds",
    "S3": "view: no position of a market comes twice in the shared frames of a connection",
    "S4": "stream: every device holds the log's last value; news: every account was told all, in order",
    "S5": "stream: what is shown open stands open in the log, at that position",
    "S6": "stream: what is shown stands in the log, at that position, field by field",
    "S7": "stream: no device believes in a source whose beats in the log ended 3.5 s before",
    "S8": "view, bets, news: no account's news on devices, nobody else's bet by REST or in news",
    "S9": "run: memory of the shards at the end",
    "B1": "bets: one bet a key, one key a bet, news dense",
    "B2": "bets: every 2xx that a client saw is there, of that stake",
    "B3": "bets: all 2xx under one key are the same bytes",
    "B4": "bets: of two meanings under one key one is done",
    "B5": "bets: a location stands with each bet; each leg stands open in the log at its price",
    "B6": "bets: by the times of commits no bet was placed or accepted after its result",
    "B7": "bets: asked twice at the end, what became of a bet has one answer, the database's",
    "B8": "bets: under a tombstone a bet is answered with 410 and is not there",
    "L1": "ledger: entries sum to zero",
    "L2": "ledger: so does each journal, which has all its entries",
    "L3": "ledger: hashes computed anew",
    "L4": "ledger: cash is not below zero, open holds are open stakes",
    "L5": "ledger: changes that must be refused are tried",
    "L6": "ledger: balances are sums of entries",
    "L7": "ledger, bets: a hold resolves once, a running bet has one",
    "L8": "settlement: the recount orders results by itself, and some were said again in any order",
    "R1": "settlement: what a bet's journals moved is what it says",
    "R3": "settlement: steps are dense, though results were said again",
    "R4": "settlement: no older result of a market after a newer one",
    "R5": "settlement: a correction's bets and users sum up, each user told once",
    "R6": "settlement: recounted from the log of results",
    "R7": "settlement: a bet is what its last step says",
    "R8": "ledger: no entry left cash below zero",
}

ELSEWHERE: dict[str, str] = {
    "R2": "tests/gateway/settlement/test_machine.py and test_corrections.py: needs people who approve",
    "O1": "bench overload",
    "O2": "bench overload",
    "O3": "tests/gateway/client/test_retrying.py",
    "O4": "tests/gateway/bets/test_shedding.py",
}
