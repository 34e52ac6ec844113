-- Put in front of every script that decides edges: whether that may be done already after Redis has lost data.
--
--   {prefix}:restoring  set: nodes that put back what Redis has lost
-- The field `settled` of the epoch is the time by which every live node has noticed the loss (ms), and 0 once edges are
-- decided. Until a node that has noticed has also put its holds back, nobody can tell an edge.
-- Expects KEYS[1] = epoch, KEYS[2] = nodes, ARGV[1] = key prefix.

local restoring_key = ARGV[1] .. ':restoring'

-- How soon to ask again while nodes put their holds back (ms).
local RESTORING = 100

-- Whether this call ends the settling.
local ends_settling = false

-- For how long edges may not be decided, as far as that is known (ms): 0 when they may be. A node whose lease has lapsed is
-- not waited for.
local function settling_for(settled)
  if settled == 0 then
    return 0
  elseif settled > now then
    return settled - now
  end
  for _, node in ipairs(redis.call('SMEMBERS', restoring_key)) do
    if is_alive(KEYS[2], node) then
      return RESTORING
    end
  end
  ends_settling = true
  return 0
end

-- Notes that edges are decided from now on. Call it behind everything that Redis may refuse. Refused in the midst, it leaves
-- nobody to be waited for, and is done again.
local function write_settled()
  if ends_settling then
    redis.call('DEL', restoring_key)
    redis.call('HSET', KEYS[1], 'settled', 0)
  end
end
