-- Writes the record of a node, and returns the states of endpoints.
--
-- KEYS[1] {prefix}:status  KEYS[2] {prefix}:status:{node}  KEYS[3] {prefix}:paused
-- KEYS[4] {prefix}:watch  KEYS[5] {prefix}:disabled
-- ARGV[1] node  ARGV[2] record; empty before the first one  ARGV[3] expiry of the record (ms)
-- ARGV[4..] two items per endpoint that the node has disabled or enabled: id, URL that has answered 410 (empty: enabled)
--
-- Returns {Redis' time (ms), {id of a paused endpoint, ...}, 1 if there is a watcher,
-- {id of a disabled endpoint, `{time (ms)} {URL}`, ...}}.
-- May change KEYS[1], KEYS[2] and KEYS[5]. In KEYS[1], it also removes expired entries of other nodes.

if ARGV[2] ~= '' then
  local kept = tonumber(ARGV[3])
  -- This command is first, because it needs no memory: Redis then accepts the rest of the script even when it is full,
  -- and operators still see the status.
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
