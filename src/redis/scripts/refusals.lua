-- Included in the scripts of presence and outbox, after cluster.lua. Makes Redis refuse a call before the script
-- changes anything.
--
--   {prefix}:room  a key that never exists
-- Redis keeps the writes that a script made before an error. It may refuse a write because memory is full, saving to
-- disk or replication fails, or the user lacks a right. Each condition holds for a whole execution, so a command that
-- changes nothing proves that later ones will succeed. A readable key is assumed writable, which %R~ patterns in an ACL
-- break.
-- Expects ARGV[1] = key prefix; for `prove('HSET')` also KEYS[1] = epoch and ARGV[3] = its id.

local room = ARGV[1] .. ':room'
local proven = {}

-- Proves that the user may call a command, and that there is memory for it if it needs some.
local function prove(command)
  if proven[command] then
    return
  end
  proven[command] = true
  if command == 'XADD' then
    redis.call('XADD', room, 'NOMKSTREAM', '*', 'e', '')
  elseif command == 'ZADD' then
    redis.call('ZADD', room, 'XX', 0, '')
  elseif command == 'HSET' then
    -- HSET has no form that writes nothing, so this writes the current value.
    redis.call('HSET', KEYS[1], 'id', ARGV[3])
  elseif command == 'SET' then
    redis.call('SET', room, '', 'XX')
  elseif command == 'DEL' then
    redis.call('DEL', room)
  elseif command == 'EXPIRE' then
    redis.call('EXPIRE', room, 1)
  elseif command == 'XDEL' then
    redis.call('XDEL', room, '0-1')
  elseif command == 'XTRIM' then
    redis.call('XTRIM', room, 'MAXLEN', 0)
  else
    redis.call(command, room, '')
  end
end
