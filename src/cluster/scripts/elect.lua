-- Elects the node that audits the roster, or extends its election. If it dies, another node is elected.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:audit  string: the elected node
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] how long the election holds (ms)
--
-- Returns {1 if this node is elected, then all nodes}. May change: KEYS[3].

local elected = redis.call('GET', KEYS[3])
if elected and elected ~= ARGV[2] then
  return {0, {}}
end
local nodes = redis.call('ZRANGE', KEYS[2], 0, -1)
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return {1, nodes}
