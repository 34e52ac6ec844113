-- Put in front of the scripts of presence and outbox, behind cluster.lua: what Redis may refuse, it refuses before anything
-- is changed.
--
--   {prefix}:room  a key that never exists
-- Redis keeps the writes that a script made before an error. A write may be refused because the memory is full, the disk or
-- the replicas fail, or the user lacks the right. Each of these holds for a whole execution, so that a call that changes
-- nothing proves the calls behind it. A key that may be read may be written, unless the ACL uses %R~ patterns.
-- Expects ARGV[1] = key prefix; for `prove('HSET')` also KEYS[1] = epoch and ARGV[3] = its id.

local room = ARGV[1] .. ':room'
local proven = {}

-- Proves that the user may call a command, and that the memory allows it where the command needs some.
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
    -- It has no form that writes nothing: this one writes what is there.
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

-- Lets the script write although Redis is full (`maxmemory` with `noeviction`). Redis refuses a command that may need memory
-- only as the first write of a script, because it cannot undo the others; DEL needs none. Only scripts whose growth is
-- bounded may do so, and those without which nothing gets smaller: leases, partitions, batches, what is removed.
local function write_while_full()
  redis.call('DEL', room)
end
