-- Gives the data to another cluster: its application was renamed, or its key replaced without keeping the previous one.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] identity of the new cluster, see identity.lua  ARGV[2] the newest schema that the caller knows
--
-- Every lease ends, as a reaper ends it: nodes of the former identity can neither claim nor write any more, and those of
-- the new one reap them and take their partitions over. No hold is forgotten.
-- Returns {status, text}: `ok`, text = the former identity; `own` when the data is the cluster's, or nobody's, already;
-- `schema`, text = the number of a newer schema. Only `ok` changes something: KEYS[1..3].

local nodes = redis.call('ZRANGE', KEYS[2], 0, -1)
local status, theirs = mismatch(KEYS[1], KEYS[3], ARGV[1], ARGV[2])
if status ~= 'foreign' then
  return {status or 'own', theirs or ''}
end
-- What Redis may refuse, it refuses before anything is changed: no node is called so, and the next write is the first.
redis.call('ZADD', KEYS[2], 'XX', -1, '')
write_identity(KEYS[1], ARGV[1], ARGV[2])
write_identity(KEYS[3], ARGV[1], ARGV[2])
for _, node in ipairs(nodes) do
  redis.call('ZADD', KEYS[2], -1, node)
end
return {'ok', theirs}
