-- Renews the lease of a node and returns nodes whose lease has lapsed.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] lease (ms)  ARGV[5] most lapsed nodes to return
-- ARGV[6] number of the node's last batch that was answered  ARGV[7] id of the settling for which it last restored its holds;
-- empty for none
--
-- A node that has no lease although it was not reaped gets one: the leases were lost.
--
-- Returns {status, 1 when the lease had not lapsed, lapsed nodes, milliseconds until the next departure becomes an edge or the
-- next count may be announced, -1 for none}; status `ok`, `lost`, `behind` or `reaped` as in claim.lua.
-- May change: KEYS[2], `grace`, `counts`, and what fix_times.lua may change.

local epoch = redis.call('HMGET', KEYS[1], 'id', 'grace', 'counts')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0, {}, -1}
end
if is_behind(KEYS[3], ARGV[6], ARGV[7]) then
  return {'behind', 0, {}, -1}
end
local expiry = redis.call('ZSCORE', KEYS[2], ARGV[2])
local was_lost = not expiry and redis.call('HEXISTS', KEYS[3], 'reaped') == 0
if not was_lost and not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', 0, {}, -1}
end
set_grace(0, epoch[2])
set_counts(0, epoch[3])
write_while_full()
fix_times(tonumber(ARGV[4]))
-- GT never shortens a lease. If a clock that was set back is set right before the next renewal, a lease by the earlier time
-- would lapse at once, while the leases of other nodes would not.
redis.call('ZADD', KEYS[2], 'GT', string.format('%.0f', now + ARGV[4]), ARGV[2])
-- A negative lease marks a node whose reaping has begun. While a settling waits, reaping cannot finish. So nodes with a lapsed
-- lease come first: otherwise the limit could hide them for ever, and the settling would wait for them for ever.
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[2], 0, string.format('(%.0f', now), 'LIMIT', 0, ARGV[5])
if #lapsed < tonumber(ARGV[5]) then
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(0', 'LIMIT', 0, ARGV[5] - #lapsed)) do
    lapsed[#lapsed + 1] = node
  end
end
return {'ok', expiry and tonumber(expiry) >= now and 1 or 0, lapsed, next_due_or_count(next_due())}
