-- Removes events that every lane has acknowledged.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id
-- ARGV[4..] four per partition: partition, token, id below which events are removed, last position below that
--
-- Partitions whose tokens have expired are skipped. Returns the number of removed events.
-- If a stream becomes empty, it needs neither cursors per lane nor in-flight batches; those of lanes that no longer
-- exist would stay forever. The position that all lanes have acknowledged is kept: otherwise a batch that arrives late
-- would look new and replace the current in-flight batch.
-- May change: out, cursor and inflight of the partitions, out_bytes.

local removed = 0
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return removed
end
write_while_full()
for i = 4, #ARGV, 4 do
  if owns(ARGV[i], ARGV[i + 1]) then
    local stream = ARGV[1] .. ':out:' .. ARGV[i]
    if is_counted(ARGV[i]) then
      uncount(ARGV[i], bytes_before(stream, ARGV[i + 2]))
    end
    removed = removed + redis.call('XTRIM', stream, 'MINID', ARGV[i + 2])
    if redis.call('XLEN', stream) == 0 then
      local cursors = ARGV[1] .. ':cursor:' .. ARGV[i]
      local acked = is_acked(ARGV[i], '', ARGV[i + 3]) and redis.call('HGET', cursors, '') or ARGV[i + 3]
      redis.call('DEL', cursors, ARGV[1] .. ':inflight:' .. ARGV[i])
      redis.call('HSET', cursors, '', acked)
    end
  end
end
return removed
