-- Gives a node its partitions: those it has, all of every dead node, and free ones up to its share.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners  hash: partition -> node
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] partitions
--
-- A node id is drawn anew for every incarnation, so that it is the fencing token too: whoever wakes up late is not the
-- owner any more and can neither move a cursor nor trim. The partitions of a dead node go to one heir together, for a
-- batch that was frozen may hold events of several of them.
-- Returns {status, share, partitions of the node}; status `ok`, `lost` or `reaped`. May change: KEYS[3].

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return {'lost', 0, {}}
end
if not has_lease(KEYS[2], ARGV[2]) then
  return {'reaped', 0, {}}
end

local partitions = tonumber(ARGV[4])
local live = math.max(1, redis.call('ZCOUNT', KEYS[2], string.format('%.0f', now), '+inf'))
local share = math.ceil(partitions / live)
local names = {}
for partition = 0, partitions - 1 do
  names[#names + 1] = partition
end
local owners = redis.call('HMGET', KEYS[3], unpack(names))

local owned, free, taken = {}, {}, {}
for i, owner in ipairs(owners) do
  local partition = i - 1
  if owner == ARGV[2] then
    owned[#owned + 1] = partition
  elseif not owner then
    free[#free + 1] = partition
  elseif not is_alive(KEYS[2], owner) then
    owned[#owned + 1] = partition
    taken[#taken + 1] = partition
  end
end
for _, partition in ipairs(free) do
  if #owned >= share then
    break
  end
  owned[#owned + 1] = partition
  taken[#taken + 1] = partition
end
for _, partition in ipairs(taken) do
  redis.call('HSET', KEYS[3], partition, ARGV[2])
end
return {'ok', share, owned}
