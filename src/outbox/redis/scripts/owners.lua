-- Put in front of the scripts that only the owner of a partition may call, behind cluster.lua.
--
--   {prefix}:owners  hash: partition -> number of its tenure, a space, its owner; field `tenures`: the last number given
-- A node that was cut off may find that a partition is its own again, another node having had it meanwhile. So it is not
-- enough to be the owner: the number of the tenure is the fencing token of all that follows from what was read under it.
-- Expects KEYS[3] = owners, ARGV[2] = node.

local owners = {}

local function owns(partition, tenure)
  local owner = owners[partition]
  if owner == nil then
    owner = redis.call('HGET', KEYS[3], partition)
    owners[partition] = owner
  end
  return owner == tenure .. ' ' .. ARGV[2]
end

