-- Put in front of commit.lua, behind owners.lua, cursors.lua and full.lua.

-- Persists id and body of a batch before it is sent, so that a successor of this node repeats them byte for byte.
--
-- Arguments: lane, batch (starting with its id and a space), then three per partition of its events, that of the first
-- event first: partition, token, place of the last one in it.
-- Returns the numbers of the partitions, the first given being 1, whose events the node must not send: the token has expired,
-- or the lane has passed them already. Only without any may the batch be sent, and is it kept: while Redis is full and no
-- room is left it is not, and a successor would send its events in a batch of its own.
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

