-- Put in front of the scripts that only the owner of a partition may call, behind cluster.lua.
--
--   {prefix}:owners  hash: partition -> number of its tenure, a space, its owner; field `tenures`: the last number given
-- A node that was cut off may find that a partition is its own again, another node having had it meanwhile. So it is not
-- enough to be the owner: the number of the tenure is the fencing token of all that follows from what was read under it.
-- A partition without an owner is still that of a node whose tenure is later than any known here: the key was lost, nobody
-- else can have had the partition since, and assign.lua lets the node go on under that number.
-- Expects KEYS[3] = owners, ARGV[2] = node.

local owners = {}

local function owns(partition, tenure)
  local owner = owners[partition]
  if owner == nil then
    owner = redis.call('HGET', KEYS[3], partition)
    owners[partition] = owner
  end
  if not owner then
    return tonumber(tenure) > tonumber(redis.call('HGET', KEYS[3], 'tenures') or 0)
  end
  return owner == tenure .. ' ' .. ARGV[2]
end

