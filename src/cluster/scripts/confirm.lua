-- Returns the settling that waits for a node, and confirms that Redis has all its holds.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}  KEYS[4] {prefix}:unconfirmed
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] number of the node's last batch that was answered
-- ARGV[5] id of the settling for which it last restored its holds; empty for none
-- ARGV[6] id of the settling to confirm; empty to only poll  ARGV[7] 1 if the node has restored its holds for it
--
-- Redis loses its newest writes first: if it still has the last batch and the last restoring of a node, it has all
-- before them. A call about an earlier settling confirms nothing.
-- Returns {status, settling, lapsed}. status: `ok`, `lost`, `behind` or `reaped` as in claim.lua. settling: id of the
-- settling that waits for the node, empty for none. lapsed: 1 if its lease has lapsed, for example because Redis' clock
-- was set forward.
-- May change: KEYS[3], KEYS[4].

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settling')
if epoch[1] ~= ARGV[3] then
  return {'lost', '', 0}
end
local restores = ARGV[7] == '1'
if not restores and is_behind(KEYS[3], ARGV[4], ARGV[5]) then
  return {'behind', '', 0}
end
if not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', '', 0}
end
local lapsed = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[2])) < now and 1 or 0
local settling = epoch[2]
if not settling or settling == '' or redis.call('SISMEMBER', KEYS[4], ARGV[2]) == 0 then
  return {'ok', '', lapsed}
end
if settling ~= ARGV[6] then
  return {'ok', settling, lapsed}
end
write_while_full()
if restores then
  redis.call('HSET', KEYS[3], 'restored', settling)
end
redis.call('SREM', KEYS[4], ARGV[2])
return {'ok', '', lapsed}
