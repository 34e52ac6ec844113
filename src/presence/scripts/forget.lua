-- Removes a portion of the holds that Redis has for a node, without events. Used when Redis has lost data, before the node
-- restores its actual holds.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- KEYS[3..5] {prefix}:held_users:{node}, held_channels, held_connections  KEYS[6] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] number of the node's last batch that was answered
-- ARGV[5] most holds to remove  ARGV[6] id of the settling that waits for the node
--
-- Returns {status, 1 when nothing is left}; status `ok`, `lost`, `behind` or `reaped` as in reassert.lua.
-- May change: hold sets, counts, counts_due, KEYS[3..6].

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settling', 'counts')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0}
end
local answered, last = tonumber(ARGV[4]), tonumber(redis.call('HGET', KEYS[6], 'batch') or 0)
if last > answered or not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', 0}
end
if not is_waited_for(epoch[2], ARGV[6], ARGV[2]) then
  return {'behind', 0}
end
if last == answered then
  -- No reply was lost, or everything has been removed already. This call may arrive after holds that were restored.
  return {'ok', 1}
end
set_counts(0, epoch[3])
open_counts()

set_held(3)
local holds, mark = held_up_to(tonumber(ARGV[5])), mark_of(ARGV[2])
for _, hold in ipairs(holds) do
  local app, channel, user = decode_hold(hold)
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after = without_node(before, mark)
  if after ~= before then
    leave_count(ARGV[2], app, channel, user, true)
    set_hold_set(key, field, after)
  end
end
announce_counts(true)

for _, command in ipairs({'ZADD', 'HSET', 'HDEL', 'ZREM', 'SREM'}) do
  prove(command)
end
write_holds()
write_counts()
write_held('SREM', holds)
local finished = holds_nothing()
if finished then
  redis.call('HSET', KEYS[6], 'batch', answered, 'time', 0, 'edges', '', 'refused', 0)
end
return {'ok', finished and 1 or 0}
