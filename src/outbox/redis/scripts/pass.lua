-- Put in front of write.lua, behind owners.lua and cursors.lua.
-- Expects KEYS[4] = dead letters, ARGV[4] = most of them, ARGV[5] = their greatest age (ms).

-- Dead letters that made room for others, not counting those that were too old.
local evicted = 0

-- A lane has passed a batch: moves its cursors, forgets the frozen batch, keeps it as a dead letter if it was given up.
--
-- Arguments: lane, batch id, the dead letter that this was a redelivery of (empty: none), how many arguments the new dead
-- letter has (0: none), then those: field, value, field, value ..., then three per partition: partition, tenure, place of
-- the last event passed.
-- A passage that was written down before changes nothing. Returns false when an heir has the partitions and delivers the
-- batch again, so that nothing may change. May change: KEYS[4], and cursor and flight of the partitions.
local function pass(first, last)
  local lane, id, redelivered = ARGV[first], ARGV[first + 1], ARGV[first + 2]
  local letter_ends = first + 3 + ARGV[first + 3]
  for i = letter_ends + 1, last, 3 do
    if not owns(ARGV[i], ARGV[i + 1]) then
      return false
    end
  end
  if letter_ends < last and has_passed(ARGV[letter_ends + 1], lane, ARGV[letter_ends + 3]) then
    return true
  end
  if redelivered ~= '' then
    redis.call('XDEL', KEYS[4], redelivered)
  end
  if letter_ends > first + 3 then
    redis.call('XADD', KEYS[4], '*', unpack(ARGV, first + 4, letter_ends))
    redis.call('XTRIM', KEYS[4], 'MINID', string.format('%.0f', math.max(0, now - ARGV[5])))
    evicted = evicted + redis.call('XTRIM', KEYS[4], 'MAXLEN', ARGV[4])
  end
  for i = letter_ends + 1, last, 3 do
    local partition, passed = ARGV[i], ARGV[i + 2]
    redis.call('HSET', ARGV[1] .. ':cursor:' .. partition, lane, passed)
    local flight = ARGV[1] .. ':flight:' .. partition
    local frozen = redis.call('HGET', flight, lane)
    if frozen and frozen:sub(1, #id + 1) == id .. ' ' then
      redis.call('HDEL', flight, lane)
    end
  end
  return true
end

