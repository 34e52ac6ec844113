-- Writes down how a node is doing, beside what the others have written, and tells it what it is to do.
--
-- KEYS[1] {prefix}:status  KEYS[2] {prefix}:status:{node}  KEYS[3] {prefix}:paused
-- KEYS[4] {prefix}:watch  KEYS[5] {prefix}:disabled
-- ARGV[1] node  ARGV[2] record; empty for none yet  ARGV[3] how long it is kept (ms)
-- ARGV[4..] two per endpoint that the node has seen change: id, the URL that has answered 410; empty: it is not disabled now
--
-- Returns {Redis' time (ms), ids of the endpoints that are paused, 1 while somebody watches, those that are disabled: id, since
-- when (ms) and the URL ...}. May change: KEYS[1], KEYS[2] and KEYS[5]; of the first, also what others have left there and not
-- renewed.

if ARGV[2] ~= '' then
  local kept = tonumber(ARGV[3])
  -- First, for it needs no memory: then Redis takes the rest although it is full, and operators see how it is doing.
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - kept))
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  for i = 4, #ARGV, 2 do
    local id, url = ARGV[i], ARGV[i + 1]
    local known = redis.call('HGET', KEYS[5], id)
    if url == '' then
      redis.call('HDEL', KEYS[5], id)
    elseif not known or known:match('^%d+ (.*)$') ~= url then
      redis.call('HSET', KEYS[5], id, string.format('%.0f ', now) .. url)
    end
  end
end
return {now, redis.call('HKEYS', KEYS[3]), redis.call('EXISTS', KEYS[4]), redis.call('HGETALL', KEYS[5])}
