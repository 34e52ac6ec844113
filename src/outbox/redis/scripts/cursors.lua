-- Put in front of the scripts that ask how far a lane has come, behind cluster.lua.
--
--   {prefix}:cursor:{partition}  hash: lane -> place of the last event that it has passed; '' -> place that all lanes have passed,
--                                once the stream was empty
-- What a node sends may arrive late: a connection that it has given up may still deliver, behind what was sent later on
-- another one. So a cursor never moves back, and nothing is kept that was passed.
-- Expects ARGV[1] = key prefix.

-- Whether the lane has passed this place. Places have more digits than a Lua number.
local function is_acked(partition, lane, place)
  local cursors = redis.call('HMGET', ARGV[1] .. ':cursor:' .. partition, lane, '')
  for i = 1, 2 do
    local cursor = cursors[i]
    if cursor and (#cursor > #place or #cursor == #place and cursor >= place) then
      return true
    end
  end
  return false
end

