-- Restores departures that were in their grace when Redis lost them. Skips a hold that, as far as known, another node has:
-- there was a rejoin.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] number of the node's last batch that was answered
-- ARGV[5] grace (ms)  ARGV[6] id of the settling that waits for the node
-- ARGV[7..] four per departure: when its grace is over (ms), app, channel, user (empty: the channel itself)
--
-- Returns `ok`, `lost`, `behind` or `reaped`, as reassert.lua does. May change: hold sets, due, `grace`.

local epoch = redis.call('HMGET', KEYS[1], 'id', 'grace', 'settling')
if epoch[1] ~= ARGV[3] then
  return 'lost'
end
if comes_late(redis.call('HGET', KEYS[3], 'batch'), ARGV[4]) or not has_lease(KEYS[2], ARGV[2]) then
  return 'reaped'
end
if not is_waited_for(epoch[3], ARGV[6], ARGV[2]) then
  return 'behind'
end
set_grace(ARGV[5], epoch[2])
open_due()

for i = 7, #ARGV, 4 do
  local app, channel, user = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key, field = hold_key(app, channel, user)
  local hold = encode_hold(app, channel, user)
  local before = hold_set(key, field)
  -- The clock of this Redis may differ from that of the previous one.
  local at = math.min(tonumber(ARGV[i]), now + own_grace)
  if before == '' then
    set_hold_set(key, field, LEAVING)
    set_due(hold, at)
  elseif before == LEAVING then
    -- Two nodes have reported this departure, or one node twice. The later one was the last.
    set_due(hold, math.max(at, due_of(hold) or 0))
  end
end
-- In this order: `fire` skips a departure without its hold set, but a hold set `|` that is not in `due` is never announced.
write_due()
write_holds()
return 'ok'
