-- The house's accounts of a currency in one stripe. $1 currency, $2 stripe.
SELECT kind, account FROM money.account WHERE owner = 'house' AND currency = $1 AND stripe = $2
