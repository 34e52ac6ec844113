-- Gives the data to another identity, after the application was renamed or its key was replaced without keeping the
-- previous one.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] identity of the new cluster, see identity.lua  ARGV[2] newest schema and shards, see there
--
-- Ends every lease. Nodes with the former identity can neither claim nor write any more. Nodes with the new one reap
-- them and take over their partitions, so no hold is lost.
--
-- Returns {status, text}: `ok`, text = the former identity; `own` if the data already has this identity or has none;
-- `schema` or `shards` and a number, as in identity.lua. Only `ok` changes data: KEYS[1..3].

local nodes = redis.call('ZRANGE', KEYS[2], 0, -1)
local status, theirs = mismatch(KEYS[1], KEYS[3], ARGV[1], ARGV[2])
if status ~= 'foreign' then
  return {status or 'own', theirs or ''}
end
-- Fail before the first change if Redis refuses writes. This ZADD changes nothing, because no node has an empty name.
redis.call('ZADD', KEYS[2], 'XX', -1, '')
write_identity(KEYS[1], ARGV[1], ARGV[2])
write_identity(KEYS[3], ARGV[1], ARGV[2])
for _, node in ipairs(nodes) do
  redis.call('ZADD', KEYS[2], -1, node)
end
return {'ok', theirs}
