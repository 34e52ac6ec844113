-- Applies one batch of one node: announces departures whose grace is over, then changes hold sets, decides which changes
-- are edges, and appends their events to the outbox, with the client events and cache misses between them. At the end it
-- announces how many are subscribed where that has changed.
--
-- KEYS[1] {prefix}:epoch         hash: `id` of this life of the data, `settled` = when edges may be decided (ms), `grace`,
--                                `counts`
-- KEYS[2] {prefix}:nodes         sorted set: node -> expiry of its lease (ms), negative while it is being reaped
-- KEYS[3] {prefix}:reply:{node}  hash: `batch` number, `time`, `edges`, `refused` and `fired` of the node's last batch
-- KEYS[4] {prefix}:held:{node}   sorted set: the node's holds, users at 0, channels at 1, connections at 2
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] batch number
-- ARGV[5]   partitions of the outbox; 0 when it is not in Redis
-- ARGV[6]   grace (ms)  ARGV[7] most departures to announce
-- ARGV[8]   how many events may wait in a partition of the outbox before it takes no client events
-- ARGV[9]   time between two counts of a channel (ms)  ARGV[10] how long a channel is known to be empty (ms)
-- ARGV[11..] five per entry, of which the last is the partition of its events; nothing where the outbox is not in Redis:
--           `+` or `-` and a hold: app, channel, user; behind it perhaps an entry of its own, `b` and the connection by
--           which; `c` or `x`, app, channel and the rest of a client event, or of one of the application's own; `n`, app,
--           channel and how many connections the node has there; or `m`, app, channel and nothing for a cache channel
--           that was found empty, `f` for one that has a payload
--
-- Returns {status, number, edges, next, announced, fired, refused, counted, counts}:
--   ok        number = time of the edges (ms), edges = one per claim: `1`, `0`, `2` for a departure whose grace began, or
--             `3` for a rejoin within it; and one per `m`: `m` for an event, or `0`. next = ms until a departure becomes an
--             edge or a count may be announced, -1 for none. announced = how many departures became edges now, counted =
--             how many counts were announced. When the outbox is not in Redis, fired and counts have three for each: app,
--             channel, and user or number. refused = client events that were given up because the outbox was full. A batch
--             sent again gets the stored reply and changes nothing.
--   lost      the data is not of this epoch: Redis lost it. Nothing changed.
--   behind    Redis has lost its last seconds, and an answered batch with them. Nothing changed.
--   reaped    the node's lease lapsed and its holds were taken away; or this batch comes behind a later one, on a
--             connection that was given up, and nobody hears the answer. Nothing changed.
--   settling  number = milliseconds until edges may be decided. Nothing changed.
-- May change: hold sets (occ, mem), due, `grace`, counts, counts_due, `counts`, miss, KEYS[3], KEYS[4], the outbox (out).

local node, batch = ARGV[2], ARGV[4]

local function refuse(status, number)
  return {status, number, '', -1, 0, {}, 0, 0, {}}
end

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled', 'grace', 'counts')
if epoch[1] ~= ARGV[3] then
  return refuse('lost', 0)
end
local last = redis.call('HMGET', KEYS[3], 'batch', 'time', 'edges', 'fired', 'refused')
if last[1] == batch then
  set_grace(ARGV[6], epoch[3])
  set_counts(ARGV[9], epoch[4])
  local fired, counts = unpack(last[4] and cmsgpack.unpack(last[4]) or {{}, {}})
  local next = next_due_or_count(next_due())
  return {'ok', tonumber(last[2]), last[3], next, 0, fired, tonumber(last[5] or 0), 0, counts}
end
if tonumber(batch) > tonumber(last[1] or 0) + 1 then
  return refuse('behind', 0)
end
if comes_late(last[1], batch) or not has_lease(KEYS[2], node) then
  return refuse('reaped', 0)
end
local wait = tonumber(epoch[2]) - now
if wait > 0 then
  return refuse('settling', wait)
end
redis.call('ZCARD', KEYS[4])
set_grace(ARGV[6], epoch[3])
set_counts(ARGV[9], epoch[4])

set_partitions(ARGV[5])
local miss_ttl = tonumber(ARGV[10])
local edges, joined, left = {}, {}, {}

local function claim(sign, app, channel, user, by)
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after
  if sign == '+' then
    after = with_node(before, node)
  else
    after = without_node(before, node)
  end
  if after == before then
    edges[#edges + 1] = '0'
    return
  end
  local hold = encode_hold(app, channel, user)
  joined[hold] = sign == '+' and held_score(channel, user) or nil
  left[hold] = sign == '-' or nil
  local verdict = '0'
  if after == '' then
    after = depart(app, channel, user, by)
    verdict = after == '' and '1' or '2'
  elseif before == '' then
    append_edge('+', app, channel, user, by)
    verdict = '1'
  elseif before == LEAVING then
    unset_due(hold)
    verdict = '3'
  end
  if sign == '-' then
    leave_count(node, app, channel, user)
  elseif miss_ttl > 0 and (before == '' or before == LEAVING) and user == '' and is_cache(channel) then
    forget_miss(app, channel)
  end
  set_hold_set(key, field, after)
  edges[#edges + 1] = verdict
end

-- What a node says of a channel counts while it holds it.
local function holds_channel(app, channel)
  local set = hold_set(hold_key(app, channel, ''))
  return with_node(set, node) == set
end

local function tell(what, app, channel, number)
  local held = holds_channel(app, channel)
  if what == 'm' then
    edges[#edges + 1] = held and miss_ttl > 0 and tell_miss(app, channel) and 'm' or '0'
  elseif held and what == 'f' then
    forget_miss(app, channel)
  elseif held then
    set_count(node, encode_hold(app, channel, ''), tonumber(number))
  end
end

local fired = fire(tonumber(ARGV[7]))
look_at_due_counts(tonumber(ARGV[7]))
for i = 11, #ARGV, 5 do
  local kind, app, channel, rest = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if kind == '+' or kind == '-' then
    set_home(app, channel ~= '' and channel or rest, ARGV[i + 4])
    claim(kind, app, channel, rest, ARGV[i + 5] == 'b' and ARGV[i + 6] or nil)
  elseif kind ~= 'b' then
    set_home(app, channel, ARGV[i + 4])
    if kind == 'c' or kind == 'x' then
      append(kind, app, channel, rest)
    else
      tell(kind, app, channel, rest)
    end
  end
end
local counts = announce_counts()
edges = table.concat(edges)
local outbox, refused = nil, 0
if partitions > 0 then
  outbox, refused = streams(tonumber(ARGV[8]))
end
local announced, counted_now = #fired / 3, #counts / 3
if outbox then
  fired, counts = {}, {}
end

redis.call('HSET', KEYS[3], 'batch', batch, 'time', string.format('%.0f', now), 'edges', edges, 'refused', refused)
if #fired > 0 or #counts > 0 then
  redis.call('HSET', KEYS[3], 'fired', cmsgpack.pack({fired, counts}))
elseif last[4] then
  redis.call('HDEL', KEYS[3], 'fired')
end
write_holds()
write_due()
write_counts()
write_misses(miss_ttl)
local added = {}
for hold, score in pairs(joined) do
  added[#added + 1] = score
  added[#added + 1] = hold
end
call_in_portions('ZADD', KEYS[4], added, 1000)
call_in_portions('ZREM', KEYS[4], keys_of(left), 1000)
if outbox then
  write_events(outbox)
end
return {'ok', now, edges, next_due_or_count(next_due()), announced, fired, refused, counted_now, counts}
