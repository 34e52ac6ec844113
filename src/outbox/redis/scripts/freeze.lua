-- Put in front of write.lua, behind owners.lua, cursors.lua and full.lua.

-- Keeps a batch as it will be sent, so that an heir of this node repeats it byte for byte.
--
-- Arguments: lane, batch (starting with its id and a space), then three per partition of its events, that of the first
-- event first: partition, tenure, place of the last one in it.
-- While Redis is full and no room is left, the batch is not kept: an heir would send its events in a batch of its own.
-- Returns whether it may be sent: not when a tenure is over, or the lane has passed the batch already.
-- May change: flight of the first partition.
local function freeze(first, last)
  local lane, batch = ARGV[first], ARGV[first + 1]
  for i = first + 2, last, 3 do
    if not owns(ARGV[i], ARGV[i + 1]) or has_passed(ARGV[i], lane, ARGV[i + 2]) then
      return false
    end
  end
  if not has_room(ARGV[first + 2], #batch) then
    return true
  end
  redis.call('HSET', ARGV[1] .. ':flight:' .. ARGV[first + 2], lane, batch)
  return true
end

