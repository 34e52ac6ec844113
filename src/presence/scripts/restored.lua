-- A node has put back everything that Redis had lost of it: nobody needs to wait for it any more.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:restoring
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id
--
-- Returns `ok` or `lost`, as claim.lua does. May change: KEYS[3].

if redis.call('HGET', KEYS[1], 'id') ~= ARGV[3] then
  return 'lost'
end
redis.call('SREM', KEYS[3], ARGV[2])
return 'ok'
