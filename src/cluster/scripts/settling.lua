-- Included in every script that decides edges. Holds edges back while nodes restore their holds.
--
--   {prefix}:unconfirmed  set: nodes that have not confirmed that Redis has all their holds
-- After a loss of data, no edge can be decided before every node has confirmed that Redis has its holds. The epoch's field
-- `settling` is the id of that time; it is empty while edges are decided. A settling waits for a node while it is
-- registered: until a reaper treats it as dead, however far Redis' clock is set forward meanwhile.
-- Expects KEYS[1] = epoch, KEYS[2] = nodes, ARGV[1] = key prefix.

local unconfirmed_key = ARGV[1] .. ':unconfirmed'

-- Interval between two tries (ms).
local ASK_AGAIN = 100

-- True if this call ends the settling.
local ends_settling = false

-- Returns when to try again (ms), or 0 if edges may be decided.
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

-- Records that edges are decided from now on. Call it after everything that Redis may refuse. If Redis refuses it
-- halfway, no node is waited for any more, and the next call repeats it.
local function write_settled()
  if ends_settling then
    redis.call('DEL', unconfirmed_key)
    redis.call('HSET', KEYS[1], 'settling', '')
  end
end
