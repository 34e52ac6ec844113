-- Included in commit.lua, after owners.lua, cursors.lua and add_dead_letter.lua.

-- Acknowledges a batch: moves the cursors of its lane, removes the in-flight batch, and adds a dead letter if it was
-- dropped.
--
-- Arguments: lane, batch id, the dead letter that the batch retried (empty: none), the number of arguments of the new
-- dead letter (0: none), then those (field, value, field, value ...), then three per partition: partition, token, last
-- acknowledged position (empty: the cursor stays).
-- Without partitions, Redis has lost the events, and no other node can have them.
-- Returns the numbers of the refused partitions, counted from 1 in the order given, and the id of the new dead letter,
-- if any. Another node owns a refused partition and delivers its events again; nothing of that partition changes. If
-- all are refused, nothing changes. Repeating an acknowledgement that moved cursors or ended a redelivery changes
-- nothing.
-- May change: the keys of dead_letters.lua, cursor and inflight of the partitions.
local function ack(first, last)
  local lane, id, redelivered = ARGV[first], ARGV[first + 1], ARGV[first + 2]
  local dead_letter_ends = first + 3 + ARGV[first + 3]
  local owned, refused = {}, {}
  for i = dead_letter_ends + 1, last, 3 do
    if owns(ARGV[i], ARGV[i + 1]) then
      owned[#owned + 1] = i
    else
      refused[#refused + 1] = (i - dead_letter_ends + 2) / 3
    end
  end
  local oldest = owned[1]
  if not oldest and #refused > 0 then
    return refused
  end
  if oldest and ARGV[oldest + 2] ~= '' and is_acked(ARGV[oldest], lane, ARGV[oldest + 2]) then
    return refused
  end
  prove('HDEL')
  if redelivered ~= '' or dead_letter_ends > first + 3 then
    -- An acknowledgement that is repeated adds its dead letter again, unless its cursors moved.
    for _, command in ipairs({'HSET', 'XADD'}) do
      prove(command)
    end
    prove_removal()
  end
  if redelivered ~= '' and remove_dead_letter(redelivered) == 0 then
    -- Written before, or the dead letter was deleted meanwhile.
    return refused
  end
  local dead_letter = dead_letter_ends > first + 3 and add_dead_letter(first + 4, dead_letter_ends) or nil
  for _, i in ipairs(owned) do
    local partition, acked = ARGV[i], ARGV[i + 2]
    if acked ~= '' then
      redis.call('HSET', ARGV[1] .. ':cursor:' .. partition, lane, acked)
      local in_flight = ARGV[1] .. ':inflight:' .. partition
      local batch = redis.call('HGET', in_flight, lane)
      if batch and batch:sub(1, #id + 1) == id .. ' ' then
        redis.call('HDEL', in_flight, lane)
      end
    end
  end
  return refused, dead_letter
end

