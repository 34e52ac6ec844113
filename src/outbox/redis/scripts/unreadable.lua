-- Turns entries that this node cannot read into dead letters with the original fields, and removes them.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners  KEYS[4] {prefix}:dead
-- KEYS[5] {prefix}:out:{partition}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] most dead letters  ARGV[5] most of one endpoint
-- ARGV[6] most bytes  ARGV[7] greatest age (ms)
-- ARGV[8] partition  ARGV[9] token
-- ARGV[10..] entries, each: id, the number of arguments of its dead letter, then those: field, value ...
--
-- An entry that does not exist any more has its dead letter already.
-- Returns {ids of the removed entries, number of evicted dead letters, 1 while Redis is full, ids of the new dead
-- letters, empty for none}. All empty if the node does not own the partition.
-- May change: the keys of dead_letters.lua, KEYS[5], out_bytes.

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] or not owns(ARGV[8], ARGV[9]) then
  return {{}, 0, 0, {}}
end
redis.call('XLEN', KEYS[4])
write_while_full()
for _, command in ipairs({'XADD', 'HSET'}) do
  prove(command)
end
prove_removal()
local removed, dead_letters, at = {}, {}, 10
while at <= #ARGV do
  local id, last = ARGV[at], at + 1 + ARGV[at + 1]
  local entries = redis.call('XRANGE', KEYS[5], id, id)
  if entries[1] then
    local dead_letter = add_dead_letter(at + 2, last)
    if is_counted(ARGV[8]) then
      uncount(ARGV[8], bytes_of(entries))
    end
    redis.call('XDEL', KEYS[5], id)
    removed[#removed + 1] = id
    dead_letters[#removed] = dead_letter or ''
  end
  at = last + 1
end
return {removed, evicted, full and 1 or 0, dead_letters}
