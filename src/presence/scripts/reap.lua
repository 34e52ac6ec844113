-- Removes a portion of the holds of a dead node: users before channels, so that their edges are in order. The departures
-- have their grace like others.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- KEYS[3..5] {prefix}:held_users:{dead}, held_channels, held_connections  KEYS[6] {prefix}:reply:{dead}
-- ARGV[1] prefix  ARGV[2] dead node  ARGV[3] epoch id  ARGV[4] most holds to remove
-- ARGV[5] how long the last reply of the dead node and the mark that it was reaped are kept (s), for a node that was only
-- paused
-- ARGV[6] partitions of the outbox  ARGV[7] grace (ms)
-- ARGV[8] lease (ms)  ARGV[9] time to live of a key of the roster (ms), 0 without a roster  ARGV[10] prefix of its keys
-- ARGV[11] shortest time between two counts of a channel (ms)
--
-- Returns {status, time of the departures (ms), edges, finished, leaving, counted, wait}:
--   status    `ok`; `lost`; `settling`, with the milliseconds until the caller should ask again in place of the time; `alive`
--             if the node has renewed its lease or another reaper has finished; `spared`, see is_alive_by_roster
--   edges     departures that became edges
--   leaving   three per departure whose grace began: app, channel, user (empty: the channel itself)
--   counted   counts announced; wait = 1 if some wait for a claim
-- May change: `settling`, unconfirmed, hold sets, due, `grace`, counts, counts_due, `counts`, KEYS[2..6], the outbox (out).

local dead = ARGV[2]

-- Most holds of a kind whose roster keys are checked. Every roster lists presence channels, the channels of users. Not every
-- roster lists others.
local CHECKED_HOLDS = 16

-- Returns the process of a node as the roster names it: the node id without its random suffix.
local function process_of(node)
  return node:match('^(.*)%.%x+$')
end

-- Returns the roster keys of a channel: as release 0.3 and later write them, and as earlier releases do.
local function roster_keys(app, channel, process)
  local prefix = ARGV[10] .. ':'
  return {prefix .. app .. ':' .. channel .. ':' .. process, prefix .. channel .. ':' .. process}
end

-- Returns true if the roster shows that the process lives although its lease has lapsed: it refreshed the key of a channel
-- half a lease after its last renewal or later, when the next renewal was long overdue.
-- An existing key is no proof: the keys of a dead process stay until they expire, often longer than a lease.
-- A process is spared for at most one more lease: without a working claimer it serves no webhooks. It is not spared once the
-- reaping has begun, which is an expiry of -1.
local function is_alive_by_roster(expiry)
  local lease, ttl = tonumber(ARGV[8]), tonumber(ARGV[9])
  if ttl == 0 or now > expiry + lease then
    return false
  end
  local process = process_of(dead)
  if not process then
    return false
  end
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], string.format('%.0f', now), '+inf')) do
    if process_of(node) == process then
      -- The process number was reused, as in a container that starts again: the keys belong to the younger node.
      return false
    end
  end
  local overdue = expiry - lease / 2
  for _, kind in ipairs({'U', 'c'}) do
    for _, hold in ipairs(some_held(kind, CHECKED_HOLDS)) do
      local app, channel = decode_hold(hold)
      for _, key in ipairs(roster_keys(app, channel, process)) do
        -- With `pcall` an error is a result: this user of Redis may not be allowed to read the roster.
        local left = redis.pcall('PTTL', key)
        if type(left) == 'number' and left > 0 and now + left - ttl > overdue then
          return true
        end
      end
    end
  end
  return false
end

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settling', 'grace', 'counts')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0, 0, 0, {}, 0, 0}
end
local expiry = redis.call('ZSCORE', KEYS[2], dead)
local is_dead = expiry and tonumber(expiry) < now
local is_spared = false
if is_dead then
  set_held(3)
  is_spared = is_alive_by_roster(tonumber(expiry))
end
redis.call('HLEN', KEYS[6])

-- A negative lease: the node can no longer claim under this id, no settling waits for it, and the next node that renews its
-- lease sees that the reaping is not finished, in case this reaper dies between two portions.
local function revoke_lease()
  redis.call('ZADD', KEYS[2], -1, dead)
  redis.call('HSET', KEYS[6], 'reaped', 1)
end

local wait = settling_for(epoch[2])
if wait > 0 then
  if is_dead and not is_spared then
    prove('ZADD')
    prove('HSET')
    revoke_lease()
  end
  return {'settling', wait, 0, 0, {}, 0, 0}
end
if not is_dead or is_spared then
  write_settled()
  return {is_spared and 'spared' or 'alive', 0, 0, 1, {}, 0, 0}
end
set_grace(ARGV[7], epoch[3])
set_counts(ARGV[11], epoch[4])
open_due()
open_counts()

set_partitions(ARGV[6])
local holds, mark = held_up_to(tonumber(ARGV[4])), mark_of(dead)
local edges, leaving, left = 0, {}, {}

-- Removes the node from a hold set of a suspended application, if the key is readable: a hold set whose key is intact is not
-- rebuilt. The hold is in `due`, so an empty set is `|`.
local function leave_suspended(key, field)
  local set = redis.pcall('HGET', key, field)
  if type(set) ~= 'table' then
    set = without_node(set or '', mark)
    left[#left + 1] = {key, field, set == '' and LEAVING or set}
  end
end

for _, hold in ipairs(holds) do
  local app, channel, user = decode_hold(hold)
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after = without_node(before, mark)
  if is_suspended(app) then
    -- Another node may have it too. That is known once the hold sets are rebuilt.
    set_due(hold, now + own_grace)
    leave_suspended(key, field)
    leave_count(dead, app, channel, user)
  elseif after ~= before then
    if after == '' then
      after = depart(app, channel, user)
      if after == '' then
        append_edge('-', app, channel, user)
        edges = edges + 1
      else
        leaving[#leaving + 1] = app
        leaving[#leaving + 1] = channel
        leaving[#leaving + 1] = user
      end
    end
    leave_count(dead, app, channel, user)
    set_hold_set(key, field, after)
  end
end
local announced_counts = announce_counts()

for _, command in ipairs({'XADD', 'ZADD', 'HSET', 'HDEL', 'ZREM', 'SREM', 'EXPIRE', 'DEL'}) do
  prove(command)
end
write_settled()
revoke_lease()
write_holds()
for _, change in ipairs(left) do
  redis.call('HSET', unpack(change))
end
write_due()
local waiting = write_counts()
write_held('SREM', holds)
write_events()
local finished = holds_nothing()
if finished then
  redis.call('ZREM', KEYS[2], dead)
  redis.call('EXPIRE', KEYS[6], ARGV[5])
end
return {'ok', now, edges, finished and 1 or 0, leaving, announced_counts, waiting and 1 or 0}
