-- Restores holds of a node that Redis has lost. Their edges were announced before, so nothing is announced now. If another
-- node has restored the departure of such a hold, the departure is dropped.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- KEYS[3..5] {prefix}:held_users:{node}, held_channels, held_connections  KEYS[6] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] number of the node's last batch that was answered
-- ARGV[5] id of the settling that waits for the node; empty when it repairs single holds
-- ARGV[6..] four per hold: app, channel, user (empty: the channel itself), and the connection count that the node sent last;
-- 0 if it has sent none, negative if the count may have been lost before it was announced
--
-- Returns {status, number of holds that were missing}: status `ok`, `lost` or `reaped` as in claim.lua; `reaped` also if the
-- node's next batch was applied before. `behind`: the settling no longer waits for the node.
-- May change: hold sets, due, counts, counts_due, `counts`, KEYS[3..5].

local epoch = redis.call('HMGET', KEYS[1], 'id', 'counts', 'settling')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0}
end
if comes_late(redis.call('HGET', KEYS[6], 'batch'), ARGV[4]) or not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', 0}
end
if ARGV[5] ~= '' and not is_waited_for(epoch[3], ARGV[5], ARGV[2]) then
  return {'behind', 0}
end
set_held(3)
set_counts(0, epoch[2])
open_counts()
open_due()

local held, mark, missing = {}, mark_of(ARGV[2]), 0
for i = 6, #ARGV, 4 do
  local app, channel, user = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after = with_node(before, mark)
  if after ~= before and not is_suspended(app) then
    missing = missing + 1
    set_hold_set(key, field, after)
    if before == LEAVING then
      unset_due(encode_hold(app, channel, user))
    end
  end
  local number = tonumber(ARGV[i + 3])
  if number ~= 0 then
    set_count(ARGV[2], encode_hold(app, channel, ''), math.abs(number), true)
  end
  if number < 0 then
    forget_announcement(encode_hold(app, channel, ''))
  end
  held[#held + 1] = encode_hold(app, channel, user)
end
announce_counts(true)
-- First, since it does no harm alone: the reaper skips holds that the node does not have. The remaining writes are repeated
-- with the call.
write_held('SADD', held)
write_holds()
write_due()
write_counts()
return {'ok', missing}
