-- Writes down how a node is doing, beside what the others have written, and tells it what it is to do.
--
-- KEYS[1] {prefix}:status  KEYS[2] {prefix}:status:{node}  KEYS[3] {prefix}:paused
-- KEYS[4] {prefix}:watch
-- ARGV[1] node  ARGV[2] record; empty for none yet  ARGV[3] how long it is kept (ms)
--
-- Returns {Redis' time (ms), ids of the endpoints that are paused, 1 while somebody watches}. May change: KEYS[1] and KEYS[2]; of the first, also
-- what others have left there and not renewed.

local paused, watched = redis.call('HKEYS', KEYS[3]), redis.call('EXISTS', KEYS[4])
if ARGV[2] == '' then
  return {now, paused, watched}
end
local kept = tonumber(ARGV[3])
-- First, for it needs no memory: then Redis takes the rest although it is full, and operators see how it is doing.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - kept))
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {now, paused, watched}
