-- What is staked on each market, and what the house would lose beyond the stakes if its worst selection won.
SELECT currency, market, sum(stakes)::bigint AS stakes, max(liability)::bigint AS liability
FROM (
    SELECT currency, market, selection, sum(stakes) AS stakes, sum(liability) AS liability
    FROM bets.exposure
    GROUP BY currency, market, selection
) AS selections
GROUP BY currency, market
HAVING sum(stakes) > 0
