-- Writes acknowledgements, and persists batches before they are sent.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners  KEYS[4] {prefix}:dead
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] most dead letters  ARGV[5] of one endpoint
-- ARGV[6] of their bytes  ARGV[7] their greatest age (ms)
-- ARGV[8..] one after another: `ack` or `persist`, how many arguments it has, and those: ack.lua and persist.lua say which
--
-- Each stands for itself, and what is behind another sees what that one changed. Returns {status, evicted, refused, full, letters}.
-- Status `ok`, or `lost`: then nothing else is said. Evicted: dead letters that made room for others. Refused: for each, a
-- list of the numbers of its partitions that another node has. Full: 1 while Redis is. Letters: for each, the id of its new dead
-- letter, empty for none. May change: what ack.lua and persist.lua may.

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return {'lost', 0, {}, 0, {}}
end
write_while_full()
local handlers, refused, letters, at = {ack = ack, persist = persist}, {}, {}, 8
while at <= #ARGV do
  local last = at + 1 + ARGV[at + 1]
  local numbers, letter = handlers[ARGV[at]](at + 2, last)
  refused[#refused + 1] = numbers
  letters[#refused] = letter or ''
  at = last + 1
end
return {'ok', evicted, refused, full and 1 or 0, letters}
