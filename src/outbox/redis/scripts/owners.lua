-- Put in front of the scripts that only the owner of a partition may call, behind cluster.lua.
--
--   {prefix}:owners  hash: partition -> fencing token, a space, its owner; field `last_token`: the last token given
-- A node that was cut off may find that a partition is its own again, another node having had it meanwhile. So it is not
-- enough to be the owner: everything that follows from what was read carries the fencing token under which it was read.
-- Expects KEYS[3] = owners, ARGV[2] = node.

local owners = {}

local function owns(partition, token)
  local owner = owners[partition]
  if owner == nil then
    owner = redis.call('HGET', KEYS[3], partition)
    owners[partition] = owner
  end
  return owner == token .. ' ' .. ARGV[2]
end

