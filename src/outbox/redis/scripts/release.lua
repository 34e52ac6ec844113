-- Releases a partition whose events are all acknowledged.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] partition  ARGV[5] token
--
-- Returns 1 if the node owned it, else 0. May change: KEYS[3].

if not owns(ARGV[4], ARGV[5]) then
  return 0
end
write_while_full()
redis.call('HDEL', KEYS[3], ARGV[4])
return 1
