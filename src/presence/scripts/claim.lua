-- Applies one batch of one node: changes hold sets, decides which changes are edges, and appends their events to the
-- outbox, with the client events between them.
--
-- KEYS[1] {prefix}:epoch         hash: `id` of this life of the data, `settled` = when edges may be decided (ms)
-- KEYS[2] {prefix}:nodes         sorted set: node -> expiry of its lease (ms), negative while it is being reaped
-- KEYS[3] {prefix}:reply:{node}  hash: `batch` number, `time` and `edges` of the node's last batch
-- KEYS[4] {prefix}:held:{node}   sorted set: the node's holds, users at 0 and channels at 1
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] batch number
-- ARGV[5]   partitions of the outbox; 0 when it is not in Redis
-- ARGV[6..] four per entry: `+` or `-`, app, channel, user (empty: the channel itself); or `c`, app, channel and the
--           rest of a client event
--
-- Returns {status, number, edges}:
--   ok        number = time of the edges (ms), edges = one of `1` and `0` per claim. A batch sent again gets the
--             stored reply and changes nothing.
--   lost      the data is not of this epoch: Redis lost it. Nothing changed.
--   reaped    the node's lease lapsed and its holds were taken away. Nothing changed.
--   settling  number = milliseconds until edges may be decided. Nothing changed.
-- May change: hold sets (occ, mem), KEYS[3], KEYS[4], the outbox (out).

local node, batch = ARGV[2], ARGV[4]

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settled')
if epoch[1] ~= ARGV[3] then
  return {'lost', 0, ''}
end
local last = redis.call('HMGET', KEYS[3], 'batch', 'time', 'edges')
if last[1] == batch then
  return {'ok', tonumber(last[2]), last[3]}
end
if not has_lease(KEYS[2], node) then
  return {'reaped', 0, ''}
end
local wait = tonumber(epoch[2]) - now
if wait > 0 then
  return {'settling', wait, ''}
end
redis.call('ZCARD', KEYS[4])

local partitions = tonumber(ARGV[5])
local edges, joined, left = {}, {}, {}

local function claim(sign, app, channel, user)
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after
  if sign == '+' then
    after = with_node(before, node)
  else
    after = without_node(before, node)
  end
  if after ~= before then
    set_hold_set(key, field, after)
    local hold = encode_hold(app, channel, user)
    joined[hold] = sign == '+' and (user == '' and 1 or 0) or nil
    left[hold] = sign == '-' or nil
  end
  local is_edge = (before == '') ~= (after == '')
  edges[#edges + 1] = is_edge and '1' or '0'
  if is_edge then
    append(edge_kind(sign, user), app, channel, user)
  end
end

for i = 6, #ARGV, 4 do
  if ARGV[i] == 'c' then
    append('c', ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  else
    claim(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  end
end
edges = table.concat(edges)
local outbox = partitions > 0 and streams(partitions)

redis.call('HSET', KEYS[3], 'batch', batch, 'time', string.format('%.0f', now), 'edges', edges)
write_holds()
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
return {'ok', now, edges}
