-- Put in front of write.lua, behind owners.lua, cursors.lua and full.lua.
-- While Redis is full, the oldest dead letters make room for a new one.
-- Expects KEYS[4] = dead letters, ARGV[4] = most of them, ARGV[5] = their greatest age (ms).

-- Dead letters that made room for others, not counting those that were too old.
local evicted = 0

-- Removes the oldest dead letters until as many bytes are free as a new one takes.
local function make_room(bytes)
  while bytes > 0 do
    local oldest = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)[1]
    if not oldest then
      return
    end
    for _, text in ipairs(oldest[2]) do
      bytes = bytes - #text
    end
    evicted = evicted + redis.call('XDEL', KEYS[4], oldest[1])
  end
end

local function add_letter(first, last)
  if full then
    local bytes = 0
    for i = first, last do
      bytes = bytes + #ARGV[i]
    end
    make_room(bytes)
  end
  redis.call('XADD', KEYS[4], '*', unpack(ARGV, first, last))
  redis.call('XTRIM', KEYS[4], 'MINID', string.format('%.0f', math.max(0, now - ARGV[5])))
  evicted = evicted + redis.call('XTRIM', KEYS[4], 'MAXLEN', ARGV[4])
end

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
  prove('HDEL')
  if redelivered ~= '' or letter_ends > first + 3 then
    -- A passage that is repeated writes its letter once more, unless its cursors moved.
    for _, command in ipairs({'HSET', 'XADD', 'XDEL', 'XTRIM'}) do
      prove(command)
    end
  end
  if redelivered ~= '' then
    redis.call('XDEL', KEYS[4], redelivered)
  end
  if letter_ends > first + 3 then
    add_letter(first + 4, letter_ends)
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

