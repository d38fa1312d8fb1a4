-- Steps of settlement so far: without any, nothing was looked at.
SELECT count(*) FROM settlement.step
