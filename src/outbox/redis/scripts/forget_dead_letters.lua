-- Removes the given dead letters, or some of the oldest.
--
-- KEYS[1] {prefix}:dead
-- ARGV[1] prefix  ARGV[2] end of XRANGE up to which the oldest are removed; empty: remove the given ones
-- ARGV[3..] ids of dead letters, few enough for one call
--
-- Returns how many were removed; of the oldest, at most `REMOVED_AT_ONCE`. May change: the keys of dead_letters.lua.

-- Usually there is nothing to remove. Then the call succeeds even if Redis refuses writes.
if ARGV[2] ~= '' and not redis.call('XRANGE', dead, '-', ARGV[2], 'COUNT', 1)[1] then
  return 0
end
write_while_full()
prove_removal()
if ARGV[2] ~= '' then
  return remove_oldest(ARGV[2], REMOVED_AT_ONCE)
end
local removed = 0
for i = 3, #ARGV do
  removed = removed + remove_dead_letter(ARGV[i])
end
return removed
