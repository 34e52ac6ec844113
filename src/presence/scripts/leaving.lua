-- Restores departures that were in their grace when Redis lost them. Skips a hold that, as far as known, another node has:
-- there was a rejoin.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] number of the node's last batch that was answered
-- ARGV[5] grace (ms)  ARGV[6] id of the settling that waits for the node; empty when only `due` may be lost: then a departure
-- is restored only if its hold set is `|`
-- ARGV[7..] four per departure: when its grace is over (ms), app, channel, user (empty: the channel itself)
--
-- Returns {status, number of departures that were missing}; status `ok`, `lost`, `behind` or `reaped`, as in reassert.lua. May
-- change: hold sets, due, `grace`.

local epoch = redis.call('HMGET', KEYS[1], 'id', 'grace', 'settling')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0}
end
if comes_late(redis.call('HGET', KEYS[3], 'batch'), ARGV[4]) or not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', 0}
end
local repairs = ARGV[6] == ''
if not repairs and not is_waited_for(epoch[3], ARGV[6], ARGV[2]) then
  return {'behind', 0}
end
set_grace(ARGV[5], epoch[2])
open_due()

local missing = 0
for i = 7, #ARGV, 4 do
  local app, channel, user = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key, field = hold_key(app, channel, user)
  local hold = encode_hold(app, channel, user)
  local before = hold_set(key, field)
  -- The clock of this Redis may differ from that of the previous one.
  local at = math.min(tonumber(ARGV[i]), now + own_grace)
  local known = before == LEAVING and due_of(hold)
  if before == LEAVING and not known or before == '' and not repairs then
    set_hold_set(key, field, LEAVING)
    set_due(hold, at)
    missing = missing + 1
  elseif known and not repairs then
    -- Two nodes have reported this departure, or one node twice. The later one was the last.
    set_due(hold, math.max(at, known))
  end
end
-- In this order: `fire` skips a departure without its hold set, but a hold set `|` that is not in `due` is never announced.
write_due()
write_holds()
return {'ok', missing}
