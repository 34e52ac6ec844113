-- Takes away what a dead node held, a portion at a time: users before channels, so that their edges come in order. These
-- departures have their grace like any others.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:held:{dead}  KEYS[4] {prefix}:reply:{dead}
-- ARGV[1] prefix  ARGV[2] dead node  ARGV[3] epoch id  ARGV[4] most holds to take  ARGV[5] how long the dead node's
-- last reply is kept (s), for a node that was only paused and asks for it
-- ARGV[6] partitions of the outbox; 0 when it is not in Redis  ARGV[7] grace (ms)
--
-- Returns {status, time of the departures (ms), edges, finished, leaving}: status `ok`, `lost`, `settling`, or `alive` when
-- the node has renewed its lease after all or another reaper has finished; edges = three per edge: app, channel, user
-- (empty: the channel itself); leaving = the same of those whose grace began.
-- May change: hold sets (occ, mem), due, `grace`, KEYS[2], KEYS[3], KEYS[4], the outbox (out).

local dead = ARGV[2]

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled', 'grace')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0, {}, 0, {}}
end
if tonumber(epoch[2]) > now then
  return {'settling', 0, {}, 0, {}}
end
local expiry = redis.call('ZSCORE', KEYS[2], dead)
if not expiry or tonumber(expiry) >= now then
  return {'alive', 0, {}, 1, {}}
end
set_grace(ARGV[7], epoch[3])

local holds = redis.call('ZRANGE', KEYS[3], 0, ARGV[4] - 1)
local edges, leaving = {}, {}
for _, hold in ipairs(holds) do
  local app, channel, user = decode_hold(hold)
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after = without_node(before, dead)
  if after ~= before then
    if after == '' then
      after = depart(app, channel, user)
      local departed = after == '' and edges or leaving
      departed[#departed + 1] = app
      departed[#departed + 1] = channel
      departed[#departed + 1] = user
    end
    set_hold_set(key, field, after)
  end
end

local partitions = tonumber(ARGV[6])
local outbox = partitions > 0 and streams(partitions)

-- A negative lease: the node cannot claim under this id any more, and whoever renews next sees that it is not finished,
-- should this reaper die between two portions.
redis.call('ZADD', KEYS[2], -1, dead)
write_holds()
write_due()
call_in_portions('ZREM', KEYS[3], holds, 1000)
if outbox then
  write_events(outbox)
end
local finished = redis.call('EXISTS', KEYS[3]) == 0
if finished then
  redis.call('ZREM', KEYS[2], dead)
  redis.call('EXPIRE', KEYS[4], ARGV[5])
end
return {'ok', now, edges, finished and 1 or 0, leaving}
