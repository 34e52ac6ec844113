-- Included in the scripts that only the owner of a partition may call, after cluster.lua.
--
--   {prefix}:owners  hash: partition -> fencing token, a space, its owner; field `last_token`: the last token given
-- A node that was cut off may own a partition again after another node has owned it meanwhile. So ownership alone is
-- not enough: every call carries the fencing token under which its events were read.
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

