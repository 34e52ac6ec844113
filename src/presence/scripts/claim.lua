-- Applies one batch of claims of one node: changes hold sets and decides which changes are edges.
--
-- KEYS[1] {prefix}:epoch         hash: `id` of this life of the data, `settled` = when edges may be decided (ms)
-- KEYS[2] {prefix}:nodes         sorted set: node -> expiry of its lease (ms), negative while it is being reaped
-- KEYS[3] {prefix}:reply:{node}  hash: `batch` number, `time` and `edges` of the node's last batch
-- KEYS[4] {prefix}:held:{node}   sorted set: the node's holds, users at 0 and channels at 1
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] batch number
-- ARGV[5..] four per claim: `+` or `-`, app, channel, user (empty: the channel itself)
--
-- Returns {status, number, edges}:
--   ok        number = time of the edges (ms), edges = one of `1` and `0` per claim. A batch sent again gets the
--             stored reply and changes nothing.
--   lost      the data is not of this epoch: Redis lost it. Nothing changed.
--   reaped    the node's lease lapsed and its holds were taken away. Nothing changed.
--   settling  number = milliseconds until edges may be decided. Nothing changed.
-- May change: hold sets (occ, mem), KEYS[3], KEYS[4].

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

local edges, joined, left = {}, {}, {}
for i = 5, #ARGV, 4 do
  local app, channel, user = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key, field = hold_key(app, channel, user)
  local before = hold_set(key, field)
  local after
  if ARGV[i] == '+' then
    after = with_node(before, node)
  else
    after = without_node(before, node)
  end
  if after ~= before then
    set_hold_set(key, field, after)
    local hold = encode_hold(app, channel, user)
    joined[hold] = ARGV[i] == '+' and (user == '' and 1 or 0) or nil
    left[hold] = ARGV[i] == '-' or nil
  end
  edges[#edges + 1] = (before == '') ~= (after == '') and '1' or '0'
end
edges = table.concat(edges)

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
return {'ok', now, edges}
