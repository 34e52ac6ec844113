-- Notes the number of shards under a prefix without a hash tag, after identity.lua. On a single server, a node with one shard
-- works there, and sees that the data is elsewhere.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:owners
-- ARGV[1] newest schema and shards, see identity.lua
--
-- Returns {status, detail}: `ok`, or the result of `mismatch` in identity.lua; then nothing changed.
-- May change: KEYS[1].

local status, detail = mismatch(KEYS[1], KEYS[2], '', ARGV[1])
if status then
  return {status, detail}
end
write_identity(KEYS[1], '', ARGV[1])
return {'ok', ''}
