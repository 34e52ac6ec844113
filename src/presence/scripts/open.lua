-- Opens a session: makes sure that there is an epoch and enters the node into the cluster.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}  KEYS[4] {prefix}:restoring
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] lease (ms)
-- ARGV[4] id for a new epoch  ARGV[5] how long other nodes may take to notice that one is new (ms)
-- ARGV[6] 1 when the node puts back what Redis has lost
--
-- A node that has seen an earlier epoch and finds none asks for a time to settle: the other nodes have to notice the loss,
-- and to put their holds back, before an edge can be decided. A node that starts on an empty Redis has nothing to wait for.
-- A call that comes late, when the node was reaped or is being reaped, gives it no lease.
-- Returns {epoch id, milliseconds until edges may be decided, as far as that is known}. May change: KEYS[1], KEYS[2],
-- KEYS[4].

redis.call('ZCARD', KEYS[2])
redis.call('SCARD', KEYS[4])
local reaped = redis.call('HEXISTS', KEYS[3], 'reaped') == 1
local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled')
local id, settled = epoch[1], tonumber(epoch[2])
if not id then
  id, settled = ARGV[4], now + ARGV[5]
  redis.call('HSET', KEYS[1], 'id', id, 'settled', string.format('%.0f', settled))
end
if not reaped then
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[2])
  if ARGV[6] == '1' then
    redis.call('SADD', KEYS[4], ARGV[2])
    if settled == 0 then
      -- It has noticed what nobody else has, or later than all others.
      redis.call('HSET', KEYS[1], 'settled', string.format('%.0f', now))
    end
  end
end
return {id, math.max(0, settled - now)}
