-- Included in commit.lua, after owners.lua, cursors.lua and full.lua.

-- Persists id and body of a batch before it is sent, so that a successor repeats them byte for byte.
--
-- Arguments: lane, batch (its id, a space, the rest), then three per partition of its events, the partition of the
-- first event first: partition, token, position of its last event.
-- Returns the numbers of the partitions whose events the node must not send, counted from 1 in the order given: the
-- token has expired, or the lane has acknowledged them. The batch may be sent only if there are none. It is then
-- persisted, unless Redis is full and has no room left: a successor would send its events in a new batch.
-- May change: inflight of the first partition.
local function persist(first, last)
  local lane, batch, refused = ARGV[first], ARGV[first + 1], {}
  for i = first + 2, last, 3 do
    if not owns(ARGV[i], ARGV[i + 1]) or is_acked(ARGV[i], lane, ARGV[i + 2]) then
      refused[#refused + 1] = (i - first + 1) / 3
    end
  end
  if #refused == 0 and has_room(ARGV[first + 2], #batch) then
    redis.call('HSET', ARGV[1] .. ':inflight:' .. ARGV[first + 2], lane, batch)
  end
  return refused
end

