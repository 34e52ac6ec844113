-- Removes single events that every lane has acknowledged while earlier events wait: a stuck lane must not keep the
-- whole stream.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners  KEYS[4] {prefix}:out:{partition}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] partition  ARGV[5] token
-- ARGV[6..] ids of events, few enough for one call
--
-- Does nothing if the token of the partition has expired. Returns the number of removed events.
-- May change: KEYS[4], out_bytes.

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] or not owns(ARGV[4], ARGV[5]) then
  return 0
end
write_while_full()
if is_counted(ARGV[4]) then
  local bytes = 0
  for i = 6, #ARGV do
    bytes = bytes + bytes_of(redis.call('XRANGE', KEYS[4], ARGV[i], ARGV[i]))
  end
  uncount(ARGV[4], bytes)
end
return redis.call('XDEL', KEYS[4], unpack(ARGV, 6))
