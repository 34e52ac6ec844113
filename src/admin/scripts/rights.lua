-- Calls every command that servers need, to find those that Redis refuses to this user or to all users.
--
-- KEYS[1] {prefix}:probe, a key that does not exist
--
-- Returns two items per refused command: its name and the error. Changes nothing.

local key = KEYS[1]
local refused = {}

-- An error about arguments or a missing key is not a refusal.
local function is_refusal(text)
  for _, words in ipairs({'NOPERM ', 'ACL failure', 'run this command or subcommand', 'OOM ', 'MISCONF ', 'NOREPLICAS ', 'READONLY '}) do
    if text:find(words, 1, true) then
      return true
    end
  end
  return false
end

local function try(command, ...)
  local answer = redis.pcall(command, ...)
  if type(answer) == 'table' and answer.err and is_refusal(answer.err) then
    refused[#refused + 1] = command
    refused[#refused + 1] = answer.err
  end
end

-- The first command must need memory. After any other one, Redis would not report that it is full.
try('XADD', key, 'NOMKSTREAM', '*', 'e', '')
try('HSET', key, 'f', 'v')
try('HSETNX', key, 'f', 'v')
for _, read in ipairs({'HGET', 'HMGET', 'HEXISTS', 'HSTRLEN', 'HDEL'}) do
  try(read, key, 'f')
end
try('HGETALL', key)
try('HKEYS', key)
try('HLEN', key)
try('HSCAN', key, 0)
try('DEL', key)
try('SADD', key, 'm')
try('SREM', key, 'm')
try('SCARD', key)
try('SISMEMBER', key, 'm')
try('SMEMBERS', key)
try('SRANDMEMBER', key, 1)
try('SSCAN', key, 0)
try('ZADD', key, 'XX', 0, 'm')
try('ZREM', key, 'm')
try('ZSCORE', key, 'm')
try('ZCARD', key)
try('ZCOUNT', key, 0, 0)
try('ZRANGE', key, 0, 0)
try('ZRANGEBYSCORE', key, 0, 0)
try('ZREMRANGEBYSCORE', key, 0, 0)
try('ZSCAN', key, 0)
try('XDEL', key, '0-1')
try('XLEN', key)
try('XRANGE', key, '-', '+', 'COUNT', 1)
try('XREVRANGE', key, '+', '-', 'COUNT', 1)
try('XREAD', 'COUNT', 1, 'STREAMS', key, '0')
try('XTRIM', key, 'MINID', 0)
try('XSETID', key, '0-1')
try('EXISTS', key)
try('GET', key)
try('MGET', key)
try('SET', key, '', 'XX')
try('PSETEX', key, 1000, '')
try('BITFIELD', key, 'GET', 'u1', 0)
try('EXPIRE', key, 1)
try('PEXPIRE', key, 1000)
try('PTTL', key)
try('TYPE', key)
try('TIME')
redis.pcall('DEL', key)
return refused
