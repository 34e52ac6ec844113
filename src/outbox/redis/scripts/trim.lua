-- Removes events that every lane has passed.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id
-- ARGV[4..] three per partition: partition, tenure, the id below which its events are removed
--
-- Partitions of which the tenure is over are left alone. Returns the number of events removed.
-- A stream of which nothing is left needs no cursors, and no batch that begins in it is under way: those of lanes that come
-- no more would stay for ever.
-- May change: out, cursor and flight of the partitions.

local removed = 0
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return removed
end
write_while_full()
for i = 4, #ARGV, 3 do
  if owns(ARGV[i], ARGV[i + 1]) then
    local stream = ARGV[1] .. ':out:' .. ARGV[i]
    removed = removed + redis.call('XTRIM', stream, 'MINID', ARGV[i + 2])
    if redis.call('XLEN', stream) == 0 then
      redis.call('DEL', ARGV[1] .. ':cursor:' .. ARGV[i], ARGV[1] .. ':flight:' .. ARGV[i])
    end
  end
end
return removed
