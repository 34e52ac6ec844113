-- Opens a session: makes sure that there is an epoch and enters the node into the cluster, if the data is its cluster's.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}  KEYS[4] {prefix}:restoring
-- KEYS[5] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] lease (ms)
-- ARGV[4] id for a new epoch  ARGV[5] how long other nodes may take to notice that one is new (ms)
-- ARGV[6] 1 when the node puts back what Redis has lost
-- ARGV[7] identity of the node's cluster, see identity.lua; empty for none  ARGV[8] the newest schema that the node knows
-- ARGV[9] 1 when it may take data that has no identity
--
-- A node that has seen an earlier epoch and finds none asks for a time to settle: the other nodes have to notice the loss,
-- and to put their holds back, before an edge can be decided. A node that starts on an empty Redis has nothing to wait for.
-- A call that comes late, when the node was reaped or is being reaped, gives it no lease.
-- Returns {status, text, number}:
--   ok       text = epoch id, number = milliseconds until edges may be decided, as far as that is known
--   foreign  the data belongs to another cluster. text = its identity. Nothing changed.
--   schema   the data is written in a newer schema. text = its number. Nothing changed.
--   vacant   the data has no identity, and the node may not take such data. Nothing changed.
-- May change: KEYS[1], KEYS[2], KEYS[4], KEYS[5].

redis.call('ZCARD', KEYS[2])
redis.call('SCARD', KEYS[4])
local reaped = redis.call('HEXISTS', KEYS[3], 'reaped') == 1
local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled')
local status, theirs = mismatch(KEYS[1], KEYS[5], ARGV[7], ARGV[8])
if status then
  return {status, theirs, 0}
end
if ARGV[7] ~= '' and ARGV[9] ~= '1' and not cluster_of_data(KEYS[1], KEYS[5]) then
  return {'vacant', '', 0}
end
local identity = identity_to_write(KEYS[1], KEYS[5], ARGV[7])
local id, settled = epoch[1], tonumber(epoch[2])
write_while_full()
prove('ZADD')
local restores = not reaped and ARGV[6] == '1'
if restores then
  -- First, for it does no harm by itself: a node without a lease is not waited for.
  redis.call('SADD', KEYS[4], ARGV[2])
end
if not id then
  id, settled = ARGV[4], now + ARGV[5]
  redis.call('HSET', KEYS[1], 'id', id, 'settled', string.format('%.0f', settled))
elseif restores and settled == 0 then
  -- It has noticed what nobody else has, or later than all others.
  redis.call('HSET', KEYS[1], 'settled', string.format('%.0f', now))
end
write_identity(KEYS[1], identity, ARGV[8])
-- Without an identity there is nothing to keep there; assign.lua writes the schema beside the first owner.
if identity ~= '' then
  write_identity(KEYS[5], identity, ARGV[8])
end
if not reaped then
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[2])
end
return {'ok', id, math.max(0, settled - now)}
