-- Keeps a batch as it will be sent, so that an heir of this node repeats it byte for byte.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- KEYS[4] {prefix}:flight:{partition of its first event}  hash: lane -> batch, starting with its id and a space
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] lane  ARGV[5] batch
-- ARGV[6..] three per partition of its events: partition, tenure, place of the last one in it
--
-- Returns `ok`, `lost`, or `fenced` when a tenure is over, or the lane has passed the batch already. May change: KEYS[4].

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return 'lost'
end
for i = 6, #ARGV, 3 do
  if not owns(ARGV[i], ARGV[i + 1]) or has_passed(ARGV[i], ARGV[4], ARGV[i + 2]) then
    return 'fenced'
  end
end
redis.call('HSET', KEYS[4], ARGV[4], ARGV[5])
return 'ok'
