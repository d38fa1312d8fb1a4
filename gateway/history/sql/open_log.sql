-- The archive's position in a lane's log, the newest where it fell back. $1 lane, $2 created.
SELECT log, fell_back, s, ts_log
FROM history.log
WHERE lane = $1 AND created = $2
ORDER BY fell_back DESC
LIMIT 1
