-- Put in front of claim.lua, behind counts.lua: cache channels that were found empty.
--
--   {prefix}:miss:{app length}:{app}:{channel}  string, expires: that the channel is empty has been told
-- It is told anew when the key is gone: its time is over, a payload was seen, or the channel was left by all and joined
-- again, for its payload lives no longer than its connections.
-- Expects ARGV[1] = key prefix. The functions exist once `open_misses` was called.

local forget_miss, tell_miss, prove_misses, write_misses

-- Resonate takes every name that begins with "cache" for one, dash or none.
local function is_cache(channel)
  return channel:find('^cache') or channel:find('^private%-cache%-') or channel:find('^presence%-cache%-')
end

local function open_misses()
  local told_misses, changed_misses = {}, {}

  local function miss_key(app, channel)
    return ARGV[1] .. ':miss:' .. length_prefix(app) .. app .. ':' .. channel
  end

  -- Forgets that a channel was empty.
  function forget_miss(app, channel)
    local key = miss_key(app, channel)
    told_misses[key] = false
    changed_misses[key] = true
  end

  -- Somebody has found a channel empty. Returns whether that is news.
  function tell_miss(app, channel)
    local key = miss_key(app, channel)
    if told_misses[key] == nil then
      told_misses[key] = read_key(app, 'string', 'GET', key) and true
    end
    if told_misses[key] then
      return false
    end
    told_misses[key], changed_misses[key] = true, true
    append('m', app, channel, '')
    return true
  end

  -- Proves what `write_misses` is going to call.
  function prove_misses()
    if next(changed_misses) then
      prove('SET')
      prove('DEL')
    end
  end

  -- `ttl` is how long a channel is known to be empty (ms).
  function write_misses(ttl)
    for key in pairs(changed_misses) do
      if told_misses[key] then
        redis.call('SET', key, 1, 'PX', ttl)
      else
        redis.call('DEL', key)
      end
    end
  end
end
