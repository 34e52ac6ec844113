-- Opens a session: makes sure that there is an epoch and enters the node into the cluster.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] lease (ms)
-- ARGV[4] id for a new epoch  ARGV[5] how long a new epoch settles (ms)
--
-- A node that has seen an earlier epoch and finds none asks for a time to settle: the other nodes have to put their
-- holds back before an edge can be decided. A node that starts on an empty Redis has nothing to wait for.
-- A call that comes late, when the node was reaped or is being reaped, gives it no lease.
-- Returns {epoch id, milliseconds until edges may be decided}. May change: KEYS[1], KEYS[2].

redis.call('ZCARD', KEYS[2])
local reaped = redis.call('HEXISTS', KEYS[3], 'reaped') == 1
local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled')
write_while_full()
prove('ZADD')
if not epoch[1] then
  epoch = {ARGV[4], now + ARGV[5]}
  redis.call('HSET', KEYS[1], 'id', ARGV[4], 'settled', string.format('%.0f', epoch[2]))
end
if not reaped then
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[2])
end
return {epoch[1], math.max(0, epoch[2] - now)}
