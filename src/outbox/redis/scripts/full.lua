-- Included after refusals.lua in the scripts that limit their growth while Redis is full.

-- True while Redis is full and refuses calls that may need memory. This call changes nothing. If it fails for another
-- reason, the next write fails for the same reason.
local full
do
  local answer = redis.pcall('XADD', room, 'NOMKSTREAM', '*', 'e', '')
  full = type(answer) == 'table' and answer.err and answer.err:find('OOM ', 1, true) ~= nil
end

-- Bytes of batches that are persisted per partition while Redis is full, plus one batch.
local PERSISTED_WHILE_FULL = 65536

-- Bytes by partition, while Redis is full.
local persisted_bytes = {}

-- True if one more batch may be persisted in a partition.
local function has_room(partition, bytes)
  if not full then
    return true
  end
  local persisted = persisted_bytes[partition]
  if not persisted then
    persisted = 0
    local in_flight = ARGV[1] .. ':inflight:' .. partition
    for _, lane in ipairs(redis.call('HKEYS', in_flight)) do
      persisted = persisted + redis.call('HSTRLEN', in_flight, lane)
    end
  end
  persisted_bytes[partition] = persisted + bytes
  return persisted < PERSISTED_WHILE_FULL
end
