-- Removes events that every lane has passed.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id
-- ARGV[4..] two per partition: partition, the id below which its events are removed
--
-- Partitions that the node does not own any more are left alone. Returns the number of events removed.
-- May change: out of the partitions.

local removed = 0
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return removed
end
for i = 4, #ARGV, 2 do
  if redis.call('HGET', KEYS[3], ARGV[i]) == ARGV[2] then
    removed = removed + redis.call('XTRIM', ARGV[1] .. ':out:' .. ARGV[i], 'MINID', ARGV[i + 1])
  end
end
return removed
