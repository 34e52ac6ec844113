-- Removes a node that has stopped, if it holds nothing, so that no other node has to wait for its lease to lapse.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- KEYS[3..5] {prefix}:held_users:{node}, held_channels, held_connections  KEYS[6] {prefix}:reply:{node}
-- ARGV[1] prefix  ARGV[2] node
--
-- Returns 1 if the node was removed, 0 if it still has holds. May change: KEYS[2], KEYS[6].

set_held(3)
if not holds_nothing() then
  return 0
end
prove('DEL')
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[6])
return 1
