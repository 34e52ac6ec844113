-- Gives a node its partitions: those it has, all of every dead node, and free ones up to its share.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] partitions
-- ARGV[5] identity of the node's cluster, see identity.lua; empty for none  ARGV[6] the newest schema that the node knows
-- ARGV[7..] two per partition that the node thinks it has: partition, token
--
-- The partitions of a dead node go to one successor together, for a batch that was frozen may hold events of several of them.
-- Returns {status, share, two per partition of the node: partition, token}; status `ok`, `lost`, `reaped`, or `excluded`
-- when the data is another cluster's or in a newer schema, and open.lua says which. Tokens grow, and are
-- times of Redis' clock, so that they grow even if Redis forgets them.
-- A token that is greater than any known here was lost with the last seconds of Redis; nobody else can have had the
-- partition since, so that the node goes on with it. A partition of the node that it does not know of under that number is
-- given to it anew: what it knew under the number may be over for it.
-- May change: KEYS[3].

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return {'lost', 0, {}}
end
if not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', 0, {}}
end
if mismatch(KEYS[1], KEYS[3], ARGV[5], ARGV[6]) then
  return {'excluded', 0, {}}
end
local identity = identity_to_write(KEYS[1], KEYS[3], ARGV[5])

local partitions = tonumber(ARGV[4])
local live = math.max(1, redis.call('ZCOUNT', KEYS[2], string.format('%.0f', now), '+inf'))
local share = math.ceil(partitions / live)
local names = {}
for partition = 0, partitions - 1 do
  names[#names + 1] = partition
end
names[#names + 1] = 'last_token'
local owners = redis.call('HMGET', KEYS[3], unpack(names))
local known = tonumber(owners[#names] or 0)
local last = known
local held = {}
for i = 7, #ARGV, 2 do
  held[tonumber(ARGV[i])] = tonumber(ARGV[i + 1])
end

local owned, free, taken = {}, {}, {}
local function own(partition, token)
  owned[#owned + 1] = partition
  owned[#owned + 1] = token
end
local function give(partition, token)
  last = math.max(last, token)
  own(partition, token)
  taken[#taken + 1] = partition
  taken[#taken + 1] = string.format('%.0f %s', token, ARGV[2])
end
local function take(partition)
  give(partition, math.max(now, last + 1))
end
for partition = 0, partitions - 1 do
  local token, owner = string.match(owners[partition + 1] or '', '^(%d+) (.*)$')
  local is_free_or_its_own = not owner or owner == ARGV[2]
  if is_free_or_its_own and (held[partition] or 0) > known then
    give(partition, held[partition])
  elseif not owner then
    free[#free + 1] = partition
  elseif owner == ARGV[2] and held[partition] == tonumber(token) then
    own(partition, tonumber(token))
  elseif owner == ARGV[2] then
    take(partition)
  elseif not is_alive(KEYS[2], owner) then
    take(partition)
  end
end
for _, partition in ipairs(free) do
  if #owned >= 2 * share then
    break
  end
  take(partition)
end
if #taken > 0 then
  write_while_full()
  write_identity(KEYS[3], identity, ARGV[6])
  redis.call('HSET', KEYS[3], 'last_token', string.format('%.0f', last), unpack(taken))
end
return {'ok', share, owned}
