-- A node ends. When it holds nothing any more, nobody needs to wait for its lease to lapse.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- KEYS[3..5] {prefix}:held_users:{node}, held_channels, held_connections  KEYS[6] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node
--
-- Returns 1 when the node is gone, 0 when it still holds something. May change: KEYS[2], KEYS[6].

set_held(3)
if not holds_nothing() then
  return 0
end
prove('DEL')
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[6])
return 1
