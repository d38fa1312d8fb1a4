-- Of these markets those of which something is held. $1 markets.
SELECT DISTINCT market FROM settlement.held WHERE market = ANY($1) AND NOT refused
