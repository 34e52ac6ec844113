-- Included in the scripts that check the progress of a lane, after cluster.lua.
--
--   {prefix}:cursor:{partition}  hash: lane -> position of the last event that it has acknowledged; '' -> position that all
--                                lanes have acknowledged, once the stream was empty
-- A call may arrive late, over a connection that its node has abandoned, after later calls over another one. So a cursor
-- never moves back, and no batch is persisted that was acknowledged.
-- Expects ARGV[1] = key prefix.

-- True if the lane has acknowledged this position. Compared as text: positions have more digits than a Lua number.
local function is_acked(partition, lane, position)
  local cursors = redis.call('HMGET', ARGV[1] .. ':cursor:' .. partition, lane, '')
  for i = 1, 2 do
    local cursor = cursors[i]
    if cursor and (#cursor > #position or #cursor == #position and cursor >= position) then
      return true
    end
  end
  return false
end

