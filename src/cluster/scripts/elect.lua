-- Elects the node that compares the roster with the cluster, or keeps it elected. Should it die, another one follows.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:audit  string: the elected node
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] how long the election holds (ms)
--
-- Returns {1 when this node is elected, every node with a lease then}. May change: KEYS[3].

local elected = redis.call('GET', KEYS[3])
if elected and elected ~= ARGV[2] then
  return {0, {}}
end
local nodes = redis.call('ZRANGE', KEYS[2], 0, -1)
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return {1, nodes}
