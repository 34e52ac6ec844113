-- Put in front of commit.lua, behind refusals.lua.

-- Whether Redis is full: then it refuses a call that may need memory. This one changes nothing. Whatever else it is refused
-- for, the next write is refused for as well.
local full
do
  local answer = redis.pcall('XADD', room, 'NOMKSTREAM', '*', 'e', '')
  full = type(answer) == 'table' and answer.err and answer.err:find('OOM ', 1, true) ~= nil
end

-- While Redis is full, this many bytes of batches are kept for each partition, and one batch more.
local KEPT_WHILE_FULL = 65536

-- By partition, while Redis is full.
local kept_bytes = {}

-- Whether there is room for one more batch among those of a partition.
local function has_room(partition, bytes)
  if not full then
    return true
  end
  local kept = kept_bytes[partition]
  if not kept then
    kept = 0
    local in_flight = ARGV[1] .. ':inflight:' .. partition
    for _, lane in ipairs(redis.call('HKEYS', in_flight)) do
      kept = kept + redis.call('HSTRLEN', in_flight, lane)
    end
  end
  kept_bytes[partition] = kept + bytes
  return kept < KEPT_WHILE_FULL
end
