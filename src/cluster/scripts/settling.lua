-- Put in front of every script that decides edges or restores holds: whether edges may be decided.
--
--   {prefix}:unconfirmed  set: nodes of which it is not known whether Redis has all that they hold
-- After a loss of data, nobody can tell an edge before every node has confirmed that Redis has its holds. The field
-- `settling` of the epoch is the id of such a time; empty while edges are decided. A node is waited for as long as it is
-- registered: until a reaper takes it for dead, however far Redis' clock is set forward meanwhile.
-- Expects KEYS[1] = epoch, KEYS[2] = nodes, ARGV[1] = key prefix.

local unconfirmed_key = ARGV[1] .. ':unconfirmed'

-- How soon to ask again (ms).
local ASK_AGAIN = 100

-- Whether this call ends the settling.
local ends_settling = false

-- How soon to ask again whether edges may be decided (ms); 0 when they may.
local function settling_for(settling)
  if not settling or settling == '' then
    return 0
  end
  for _, node in ipairs(redis.call('SMEMBERS', unconfirmed_key)) do
    if has_lease(KEYS[2], node) then
      return ASK_AGAIN
    end
  end
  ends_settling = true
  return 0
end

-- Notes that edges are decided from now on. Call it after everything that Redis may refuse. Refused in the middle, it leaves
-- no node to wait for, and the next call does it again.
local function write_settled()
  if ends_settling then
    redis.call('DEL', unconfirmed_key)
    redis.call('HSET', KEYS[1], 'settling', '')
  end
end

-- Whether the settling `id` still waits for the node. A node that restores holds later than that would change them in
-- silence under the eyes of those that decide edges.
local function is_waited_for(settling, id, node)
  return settling == id and redis.call('SISMEMBER', unconfirmed_key, node) == 1
end
