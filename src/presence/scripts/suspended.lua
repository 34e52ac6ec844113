-- Included in every script that changes holds, after append.lua: applications with a key of a foreign type.
--
--   {prefix}:suspended  hash: application -> the type that its key should have, a space, the key
--   {prefix}:epoch      `suspended`: the hash has entries. It is never read without this mark.
-- Such an application is suspended; others continue. Its claims wait in the nodes. Its hold sets are neither read nor
-- written, but the holds of its nodes (held.lua) and its departures (due.lua) are. Only a dead node is removed from the hold
-- sets that are readable. When the key is gone, resume.lua rebuilds the hold sets.
-- Expects KEYS[1] = epoch, ARGV[1] = key prefix.

local suspended_key = ARGV[1] .. ':suspended'

-- Suspended applications, nil until they are read; and those that this call suspends, as fields and values of the hash.
local suspended, newly_suspended = nil, {}

-- `mark` is the field `suspended` of the epoch.
local function set_suspended(mark)
  suspended = {}
  if mark then
    for _, app in ipairs(redis.call('HKEYS', suspended_key)) do
      suspended[app] = true
    end
  end
end

local function is_suspended(app)
  if not suspended then
    set_suspended(redis.call('HGET', KEYS[1], 'suspended'))
  end
  return suspended[app]
end

-- Calls a command that reads a key of an application, which should be of the type `kind`. If the key is of another type,
-- suspends the application and returns nil.
local function read_key(app, kind, command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) ~= 'table' or not answer.err then
    return answer
  end
  if not answer.err:find('WRONGTYPE', 1, true) then
    -- Called again so that the script ends with the error of Redis.
    return redis.call(command, key, ...)
  end
  if not is_suspended(app) then
    redis.call('HLEN', suspended_key)
    suspended[app] = true
    newly_suspended[#newly_suspended + 1] = app
    newly_suspended[#newly_suspended + 1] = kind .. ' ' .. key
  end
  return nil
end

-- Must be the first write of a script: alone, it only costs an application a pause.
local function write_suspended()
  if newly_suspended[1] then
    call_in_portions('HSET', suspended_key, newly_suspended, 1000)
    redis.call('HSET', KEYS[1], 'suspended', 1)
  end
end

