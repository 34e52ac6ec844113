-- Applies one batch of one node: announces departures whose grace is over, then changes hold sets, decides which changes
-- are edges, and appends their events to the outbox, with the client events between them.
--
-- KEYS[1] {prefix}:epoch         hash: `id` of this life of the data, `settled` = when edges may be decided (ms), `grace`
-- KEYS[2] {prefix}:nodes         sorted set: node -> expiry of its lease (ms), negative while it is being reaped
-- KEYS[3] {prefix}:reply:{node}  hash: `batch` number, `time`, `edges`, `refused` and `fired` of the node's last batch
-- KEYS[4] {prefix}:held:{node}   sorted set: the node's holds, users at 0, channels at 1, connections at 2
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] batch number
-- ARGV[5]   partitions of the outbox; 0 when it is not in Redis
-- ARGV[6]   grace (ms)  ARGV[7] most departures to announce
-- ARGV[8]   how many events may wait in a partition of the outbox before it takes no client events
-- ARGV[9..] four per entry: `+` or `-` and a hold: app, channel, user; behind it perhaps `b`, the connection by which, and
--           two that are empty; or `c` or `x`, app, channel
--           and the rest of a client event, or of one of the application's own
--
-- Returns {status, number, edges, next, announced, fired, refused}:
--   ok        number = time of the edges (ms), edges = one per claim: `1`, `0`, or `2` for a departure whose grace
--             began. next = ms until a departure becomes an edge, -1 for none. announced = how many did now, and fired =
--             three for each when the outbox is not in Redis: app, channel, user. refused = client events that were given
--             up because the outbox was full. A batch sent again gets the stored reply and changes nothing.
--   lost      the data is not of this epoch: Redis lost it. Nothing changed.
--   behind    Redis has lost its last seconds, and an answered batch with them. Nothing changed.
--   reaped    the node's lease lapsed and its holds were taken away; or this batch comes behind a later one, on a
--             connection that was given up, and nobody hears the answer. Nothing changed.
--   settling  number = milliseconds until edges may be decided. Nothing changed.
-- May change: hold sets (occ, mem), due, `grace`, KEYS[3], KEYS[4], the outbox (out).

local node, batch = ARGV[2], ARGV[4]

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled', 'grace')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0, '', -1, 0, {}, 0}
end
local last = redis.call('HMGET', KEYS[3], 'batch', 'time', 'edges', 'fired', 'refused')
if last[1] == batch then
  set_grace(ARGV[6], epoch[3])
  local fired = last[4] and cmsgpack.unpack(last[4]) or {}
  return {'ok', tonumber(last[2]), last[3], next_due(), 0, fired, tonumber(last[5] or 0)}
end
if tonumber(batch) > tonumber(last[1] or 0) + 1 then
  return {'behind', 0, '', -1, 0, {}, 0}
end
if comes_late(last[1], batch) or not has_lease(KEYS[2], node) then
  return {'reaped', 0, '', -1, 0, {}, 0}
end
local wait = tonumber(epoch[2]) - now
if wait > 0 then
  return {'settling', wait, '', -1, 0, {}, 0}
end
redis.call('ZCARD', KEYS[4])
set_grace(ARGV[6], epoch[3])

local partitions = tonumber(ARGV[5])
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
  end
  set_hold_set(key, field, after)
  edges[#edges + 1] = verdict
end

local fired = fire(tonumber(ARGV[7]))
for i = 9, #ARGV, 4 do
  if ARGV[i] == 'c' or ARGV[i] == 'x' then
    append(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  elseif ARGV[i] ~= 'b' then
    local by = ARGV[i + 4] == 'b' and ARGV[i + 5] or nil
    claim(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], by)
  end
end
edges = table.concat(edges)
local outbox, refused = nil, 0
if partitions > 0 then
  outbox, refused = streams(partitions, tonumber(ARGV[8]))
end
local announced = #fired / 3
if outbox then
  fired = {}
end

redis.call('HSET', KEYS[3], 'batch', batch, 'time', string.format('%.0f', now), 'edges', edges, 'refused', refused)
if #fired > 0 then
  redis.call('HSET', KEYS[3], 'fired', cmsgpack.pack(fired))
elseif last[4] then
  redis.call('HDEL', KEYS[3], 'fired')
end
write_holds()
write_due()
local added, removed = {}, {}
for hold, score in pairs(joined) do
  added[#added + 1] = score
  added[#added + 1] = hold
end
for hold in pairs(left) do
  removed[#removed + 1] = hold
end
call_in_portions('ZADD', KEYS[4], added, 1000)
call_in_portions('ZREM', KEYS[4], removed, 1000)
if outbox then
  write_events(outbox)
end
return {'ok', now, edges, next_due(), announced, fired, refused}
