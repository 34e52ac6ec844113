-- Writes acknowledgements, and persists batches before they are sent.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners  KEYS[4] {prefix}:dead
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] most dead letters  ARGV[5] most of one endpoint
-- ARGV[6] most bytes  ARGV[7] greatest age (ms)
-- ARGV[8..] requests, each: `ack` or `persist`, the number of its arguments, then those; see ack.lua and persist.lua
--
-- Requests are independent, and each sees the changes of those before it.
-- Returns {status, evicted, refused, full, dead letters}. status: `ok`, or `lost` with nothing else. evicted: number of
-- evicted dead letters. refused: for each request, the numbers of its partitions that another node owns. full: 1 while
-- Redis is full. dead letters: for each request, the id of its new dead letter, empty for none.
-- May change: the keys that ack.lua and persist.lua may change.

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return {'lost', 0, {}, 0, {}}
end
write_while_full()
local handlers, refused, dead_letters, at = {ack = ack, persist = persist}, {}, {}, 8
while at <= #ARGV do
  local last = at + 1 + ARGV[at + 1]
  local numbers, dead_letter = handlers[ARGV[at]](at + 2, last)
  refused[#refused + 1] = numbers
  dead_letters[#refused] = dead_letter or ''
  at = last + 1
end
return {'ok', evicted, refused, full and 1 or 0, dead_letters}
