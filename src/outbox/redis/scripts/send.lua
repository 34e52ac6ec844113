-- Appends an event of the application's own to the outbox, for a process that is no node.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:owners  hashes, of which identity.lua describes the fields; either may be missing
-- ARGV[1] prefix  ARGV[2] the process' cluster, as in identity.lua  ARGV[3] the schema that it knows
-- ARGV[4] partitions of the outbox  ARGV[5] limits of the outbox, as in claim.lua
-- ARGV[6] app  ARGV[7] channel, empty for none  ARGV[8] the rest of the event: name and data
--
-- Returns {status, what}: `ok`, or what `mismatch` in identity.lua returns; then nothing changed.
-- May change: the outbox (out, out_bytes).

local status, what = mismatch(KEYS[1], KEYS[2], ARGV[2], ARGV[3])
if status then
  return {status, what}
end
set_partitions(ARGV[4], ARGV[5])
append('x', ARGV[6], ARGV[7], ARGV[8])
-- Before the bytes are counted: the count must not stay behind without its event.
prove('XADD')
write_events()
return {'ok', ''}
