-- A lane has passed a batch: moves its cursors, forgets the frozen batch, keeps it as a dead letter if it was given up.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners  KEYS[4] {prefix}:dead
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] lane  ARGV[5] batch id
-- ARGV[6] the dead letter that this was a redelivery of (empty: none)
-- ARGV[7] most dead letters  ARGV[8] their greatest age (ms)
-- ARGV[9] how many arguments the new dead letter has (0: none), then those: field, value, field, value ...
-- then three per partition: partition, tenure, place of the last event passed
--
-- A passage that was written down before changes nothing. Returns {status, evicted}. Status `ok`, `lost`, or `fenced`: an
-- heir has the partitions and delivers the batch again, so that nothing may change. Evicted: dead letters that made room
-- for this one, not counting those that were too old. May change: KEYS[4], and cursor and flight of the partitions.

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return {'lost', 0}
end
local letter_ends = 9 + ARGV[9]
for i = letter_ends + 1, #ARGV, 3 do
  if not owns(ARGV[i], ARGV[i + 1]) then
    return {'fenced', 0}
  end
end
local first, place = ARGV[letter_ends + 1], ARGV[letter_ends + 3]
if first and has_passed(first, ARGV[4], place) then
  return {'ok', 0}
end
local evicted = 0
if ARGV[6] ~= '' then
  redis.call('XDEL', KEYS[4], ARGV[6])
end
if letter_ends > 9 then
  redis.call('XADD', KEYS[4], '*', unpack(ARGV, 10, letter_ends))
  redis.call('XTRIM', KEYS[4], 'MINID', string.format('%.0f', math.max(0, now - ARGV[8])))
  evicted = redis.call('XTRIM', KEYS[4], 'MAXLEN', ARGV[7])
end
for i = letter_ends + 1, #ARGV, 3 do
  local partition, passed = ARGV[i], ARGV[i + 2]
  redis.call('HSET', ARGV[1] .. ':cursor:' .. partition, ARGV[4], passed)
  local flight = ARGV[1] .. ':flight:' .. partition
  local frozen = redis.call('HGET', flight, ARGV[4])
  if frozen and frozen:sub(1, #ARGV[5] + 1) == ARGV[5] .. ' ' then
    redis.call('HDEL', flight, ARGV[4])
  end
end
return {'ok', evicted}
