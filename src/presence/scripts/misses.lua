-- Included in claim.lua, after counts.lua: cache channels that were found empty.
--
--   {prefix}:miss:{app length}:{app}:{channel}  string, expires: the channel was announced as empty
-- It is announced again when the key is gone: it has expired, the channel got a payload, or all connections left the channel
-- and a new one joined. A payload lives no longer than the channel's connections.
-- Expects ARGV[1] = key prefix. The functions exist only after a call of `open_misses`.

local forget_miss, report_miss, prove_misses, write_misses

-- Resonate takes every name that begins with `cache` for a cache channel, with or without a dash.
local function is_cache(channel)
  return channel:find('^cache') or channel:find('^private%-cache%-') or channel:find('^presence%-cache%-')
end

local function open_misses()
  local known_misses, changed_misses = {}, {}

  local function miss_key(app, channel)
    return ARGV[1] .. ':miss:' .. length_prefix(app) .. app .. ':' .. channel
  end

  -- Forgets that a channel was announced as empty.
  function forget_miss(app, channel)
    local key = miss_key(app, channel)
    known_misses[key] = false
    changed_misses[key] = true
  end

  -- Announces an empty channel, unless it was announced before. Returns true if it announced it.
  function report_miss(app, channel)
    local key = miss_key(app, channel)
    if known_misses[key] == nil then
      known_misses[key] = read_key(app, 'string', 'GET', key) and true
    end
    if known_misses[key] then
      return false
    end
    known_misses[key], changed_misses[key] = true, true
    append('m', app, channel, '')
    return true
  end

  -- Proves the commands of `write_misses`.
  function prove_misses()
    if next(changed_misses) then
      prove('SET')
      prove('DEL')
    end
  end

  -- Writes the changes. A key expires after `ttl` (ms).
  function write_misses(ttl)
    for key in pairs(changed_misses) do
      if known_misses[key] then
        redis.call('SET', key, 1, 'PX', ttl)
      else
        redis.call('DEL', key)
      end
    end
  end
end
