-- Opens a session: creates an epoch if there is none, and registers the node if the data belongs to its cluster. Begins
-- a settling if Redis may have lost data.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}  KEYS[4] {prefix}:unconfirmed
-- KEYS[5] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] lease (ms)
-- ARGV[4] id for a new epoch and a new settling, the same until a call is answered
-- ARGV[5] run_id of the server process; empty: unknown
-- ARGV[6] what the node knows: 0 nothing, 1 an earlier epoch, 2 that Redis has lost data of the node
-- ARGV[7] identity of the node's cluster, see identity.lua; empty for none  ARGV[8] newest schema and shards, see there
-- ARGV[9] 1 if it may claim data without an identity
--
-- Redis may have lost data if
--   - there is no epoch, though the node knew one or other nodes are registered,
--   - the node has found something lost, and no settling is under way,
--   - the server process has changed, by a restart or a failover.
-- A settling waits for all registered nodes, and for the node that begins it. A call that comes late, when the node was
-- reaped or is being reaped, gives it no lease, and no settling waits for it.
-- Returns {status, text, settling}:
--   ok       text = epoch id, settling = id of the settling that waits for the node, empty for none
--   foreign  the data belongs to another cluster. text = its identity. Nothing changed.
--   schema   the data has a newer schema. text = its number. Nothing changed.
--   shards   the data has another number of shards. text = that number. Nothing changed.
--   vacant   the data has no identity, and the node may not claim such data. Nothing changed.
-- May change: KEYS[1], KEYS[2], KEYS[4], KEYS[5].

local node, new_id, server, knows = ARGV[2], ARGV[4], ARGV[5], tonumber(ARGV[6])
local registered = redis.call('ZRANGEBYSCORE', KEYS[2], 0, '+inf')
local reaped = redis.call('HEXISTS', KEYS[3], 'reaped') == 1
local epoch = redis.call('HMGET', KEYS[1], 'id', 'settling', 'server')
local is_unconfirmed = redis.call('SISMEMBER', KEYS[4], node) == 1
local status, theirs = mismatch(KEYS[1], KEYS[5], ARGV[7], ARGV[8])
if status then
  return {status, theirs, ''}
end
if ARGV[7] ~= '' and ARGV[9] ~= '1' and not cluster_of_data(KEYS[1], KEYS[5]) then
  return {'vacant', '', ''}
end
local id, settling = epoch[1], epoch[2] or ''

local identity = identity_to_write(KEYS[1], KEYS[5], ARGV[7])
local begins
if reaped then
  knows = 0
end
if not id then
  begins = knows > 0 or #registered > 0
else
  begins = (knows == 2 and settling == '') or (server ~= '' and epoch[3] and epoch[3] ~= server)
end
write_while_full()
prove('ZADD')
local awaited = {}
if begins then
  awaited, settling = registered, new_id
end
if not reaped and (begins or knows == 2) then
  awaited[#awaited + 1] = node
  is_unconfirmed = true
end
-- Before the epoch is written: these entries have no effect until the epoch names the settling.
call_in_portions('SADD', KEYS[4], awaited, 1000)
local fields = {'id', id or new_id, 'settling', settling}
if server ~= '' then
  fields[5], fields[6] = 'server', server
end
redis.call('HSET', KEYS[1], unpack(fields))
write_identity(KEYS[1], identity, ARGV[8])
-- Without an identity there is nothing to write here; assign.lua writes the schema with the first owner.
if identity ~= '' then
  write_identity(KEYS[5], identity, ARGV[8])
end
-- A node that continues its session renews its lease with renew.lua, which reports whether it had lapsed.
if not reaped and not (knows == 1 and has_lease(KEYS[2], node)) then
  redis.call('ZADD', KEYS[2], 'GT', string.format('%.0f', now + ARGV[3]), node)
end
return {'ok', id or new_id, settling ~= '' and is_unconfirmed and settling or ''}
