-- Reads the state of a channel.
--
-- KEYS[1..3], ARGV[1..5] as in answerable.lua  KEYS[4] {prefix}:channels:{app}
-- KEYS[5] {prefix}:users:{app length}:{app}:{channel}  KEYS[6] {prefix}:counts
-- ARGV[6] channel  ARGV[7] the channel, encoded as a hold
--
-- Returns {status, detail, hold set, members, counts}: `ok`, with the entry of the channel in `counts`, empty for none; or as in
-- answerable.lua. Changes nothing.

local refused = refusal()
if refused then
  return {refused[1], refused[2], '', 0, ''}
end
local counts = redis.call('HGET', KEYS[1], 'counts') and redis.call('HGET', KEYS[6], ARGV[7])
return {'ok', '', redis.call('HGET', KEYS[4], ARGV[6]) or '', redis.call('HLEN', KEYS[5]), counts or ''}
