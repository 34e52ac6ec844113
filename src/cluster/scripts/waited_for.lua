-- Included in the scripts that restore holds, after cluster.lua. The settling is as in settling.lua.

-- True if the settling `id` still waits for the node. Holds that a node restores after the settling would change
-- silently while other calls decide edges.
local function is_waited_for(settling, id, node)
  return settling == id and redis.call('SISMEMBER', ARGV[1] .. ':unconfirmed', node) == 1
end
