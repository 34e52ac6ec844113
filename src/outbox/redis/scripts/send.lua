-- Appends a custom event to the outbox, for a process that is not a node.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:owners  hashes, see identity.lua; either may be missing
-- ARGV[1] prefix  ARGV[2] identity of the process' cluster, see identity.lua  ARGV[3] newest schema and shards, see there
-- ARGV[4] partitions of the outbox  ARGV[5] limits of the outbox, as in claim.lua
-- ARGV[6] app  ARGV[7] channel, empty for none  ARGV[8] the rest of the event: name and data
-- ARGV[9] 1 if the event may be the first data under the prefix
--
-- Returns {status, detail}: `ok`; `absent` if there is no data; or the result of `mismatch` in identity.lua. Without `ok`,
-- nothing changed.
-- May change: the outbox (out, out_bytes).

local status, detail = mismatch(KEYS[1], KEYS[2], ARGV[2], ARGV[3])
if status then
  return {status, detail}
end
if ARGV[9] ~= '1' and redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
  return {'absent', ''}
end
set_partitions(ARGV[4], ARGV[5])
append('x', ARGV[6], ARGV[7], ARGV[8])
-- Before the bytes are counted: they must not be counted without the event.
prove('XADD')
write_events()
return {'ok', ''}
