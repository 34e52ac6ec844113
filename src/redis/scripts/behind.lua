-- Included in the scripts that a node calls to learn what Redis still knows of it, after cluster.lua.

-- True if Redis lost something that it had acknowledged to a node: its last batch (`answered`, a number), or that it
-- had restored its holds (`restored`, the id of the settling; empty if it never has).
local function is_behind(reply, answered, restored)
  local last = redis.call('HMGET', reply, 'batch', 'restored')
  return tonumber(last[1] or 0) < tonumber(answered) or (restored ~= '' and last[2] ~= restored)
end
