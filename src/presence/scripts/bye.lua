-- A node ends. When it holds nothing any more, nobody needs to wait for its lease to lapse.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:held:{node}  KEYS[4] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node
--
-- Returns 1 when the node is gone, 0 when it still holds something. May change: KEYS[2], KEYS[4].

if redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[4])
return 1
