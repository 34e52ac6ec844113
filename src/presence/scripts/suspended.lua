-- Put in front of every script that changes holds, behind append.lua: applications that have a key of a foreign type.
--
--   {prefix}:suspended  hash: application -> the type that its key should have, a space, the key
--   {prefix}:epoch      `suspended`: there is something in it. Without that it is never looked at.
-- Such an application is suspended, and the others go on. Its claims wait in the nodes. Its hold sets are neither read nor
-- written, but what nodes hold of it (held.lua) and its departures (due.lua) are: resume.lua makes the hold sets anew of
-- these when the key is gone.
-- Expects KEYS[1] = epoch, ARGV[1] = key prefix.

local suspended_key = ARGV[1] .. ':suspended'

-- By application; nil before it was asked for. And those that this call suspends, with the values of the hash.
local suspended, newly_suspended = nil, {}

-- `mark` is the `suspended` of the epoch.
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

-- Calls a command that reads a key of an application, which should be of the type `kind`. Returns nil and suspends the
-- application when it is of another.
local function read_key(app, kind, command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) ~= 'table' or not answer.err then
    return answer
  end
  if not answer.err:find('WRONGTYPE', 1, true) then
    -- Once more, so that the script ends with the error as Redis words it.
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

-- First among the writes of a script: by itself it costs an application a pause.
local function write_suspended()
  if newly_suspended[1] then
    call_in_portions('HSET', suspended_key, newly_suspended, 1000)
    redis.call('HSET', KEYS[1], 'suspended', 1)
  end
end

