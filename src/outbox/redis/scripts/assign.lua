-- Assigns partitions to a node: those it owns, all of every dead node, and free ones up to its share.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] partitions
-- ARGV[5] identity of the node's cluster, see identity.lua; empty for none  ARGV[6] newest schema and shards, see there
-- ARGV[7..] two per partition that the node believes it owns: partition, token
--
-- The partitions of a dead node go to one successor together, since an in-flight batch may have events of several of
-- them.
-- Tokens grow. They are times of Redis' clock, so they grow even if Redis loses them.
-- If the node has a token greater than any in Redis, Redis lost its newest writes, and no other node can have owned the
-- partition since: the node keeps it. If Redis has the node as the owner under another token, the node gets a new
-- token, since it may have ended that ownership.
-- Returns {status, share, two per partition of the node: partition, token}. status: `ok`, `lost`, `reaped`, or
-- `excluded` if the data belongs to another cluster or has a newer schema; open.lua returns which.
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
-- True if the node's lease has not lapsed.
local function is_alive(node)
  local expiry = redis.call('ZSCORE', KEYS[2], node)
  return expiry and tonumber(expiry) >= now
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
  elseif not is_alive(owner) then
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
