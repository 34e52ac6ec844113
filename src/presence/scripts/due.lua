-- Included in every script that changes holds, after holds.lua: departures in their grace.
--
--   {prefix}:due    sorted set: hold -> when its departure becomes an edge (ms)
--   {prefix}:by     hash: hold -> the connection that left it last, where an endpoint needs it
--   {prefix}:epoch  `grace`: `due` may have entries; 2 if `by` may have some too. A cluster without a grace never sets it and
--                   never reads `due`.
-- The hold set of such a hold is `|`, a set without a node. A node that joins it ends the grace without an edge. A hold set
-- is `|` exactly while the hold is in `due`.
-- Expects ARGV[1] = key prefix, and a call of `set_grace` first. If `due` cannot have entries, the functions exist only after
-- a call of `open_due`: creating one costs a call as much as a claim.

local LEAVING = '|'

-- Delay for a departure that is due but must wait: of a channel that still has members, or of a suspended application (ms).
local PUT_OFF = 1000

-- Longest grace that the config allows (ms). A later time was written before the clock was set back.
local LONGEST_GRACE = 300 * 1000

local due_key, by_key = ARGV[1] .. ':due', ARGV[1] .. ':by'
local own_grace, watched, marked, has_by = 0, false, false, false
local set_due, unset_due, due_of, depart, fire, prove_due, write_due

local function open_due()
  if set_due then
    return
  end
  local due_at, not_due = {}, {}
  local left_by, not_by = {}, {}
  local looked_at = {}

  -- A key of a foreign type fails here, before the first write.
  local function look_at(command, key)
    if not looked_at[key] then
      looked_at[key] = true
      redis.call(command, key)
    end
  end

  -- Returns true if the channel has presence users, or users whose departure is not announced yet.
  local function has_members(app, channel)
    if channel == '' then
      return false
    end
    local key = hold_key(app, channel, ' ')
    local length = not is_suspended(app) and read_key(app, 'hash', 'HLEN', key) or 0
    return length + (growth[key] or 0) > 0
  end

  -- The keys of a table, as a list.
  local function keys_of(entries)
    local keys = {}
    for key in pairs(entries) do
      keys[#keys + 1] = key
    end
    return keys
  end

  local function set_by(hold, by)
    if by then
      look_at('HLEN', by_key)
    end
    left_by[hold] = by
    not_by[hold] = not by and has_by or nil
  end

  function set_due(hold, at)
    look_at('ZCARD', due_key)
    due_at[hold] = at
    not_due[hold] = nil
  end

  -- Returns when a departure is due, nil if it is not in its grace.
  function due_of(hold)
    return due_at[hold] or tonumber(redis.call('ZSCORE', due_key, hold) or nil)
  end

  function unset_due(hold)
    due_at[hold] = nil
    not_due[hold] = true
    set_by(hold, nil)
  end

  -- Returns when the last departure of all is due.
  local latest
  local function latest_due()
    latest = latest or tonumber(redis.call('ZRANGE', due_key, -1, -1, 'WITHSCORES')[2] or 0)
    return latest
  end

  -- Records that the last node has left a hold. Returns its new hold set: empty if the departure is an edge at once, which the
  -- caller appends, or `|` if it is in its grace.
  function depart(app, channel, user, by)
    -- A connection has no grace: a socket id is never used again.
    local grace = channel == '' and user ~= '' and 0 or own_grace
    local at = now + grace
    if user == '' and watched and has_members(app, channel) then
      -- The members must be gone before the channel, also those whose node has a longer grace than this one.
      at = math.max(at, math.min(latest_due(), now + LONGEST_GRACE))
    elseif grace == 0 then
      return ''
    end
    local hold = encode_hold(app, channel, user)
    set_due(hold, at)
    set_by(hold, by)
    return LEAVING
  end

  -- Announces up to `most` departures whose grace is over. Returns how many.
  function fire(most)
    local fired = 0
    local limit = string.format('%.0f', now)
    for _, hold in ipairs(redis.call('ZRANGEBYSCORE', due_key, '-inf', limit, 'LIMIT', 0, most)) do
      local app, channel, user = decode_hold(hold)
      local key, field = hold_key(app, channel, user)
      local set, waits = hold_set(key, field), user == '' and has_members(app, channel)
      if waits or is_suspended(app) then
        -- Members can remain only if the clock was set back: they left before their channel, and their grace ends no later
        -- than its grace.
        set_due(hold, now + PUT_OFF)
      else
        unset_due(hold)
        if set == LEAVING then
          set_hold_set(key, field, '')
          append_edge('-', app, channel, user, has_by and redis.call('HGET', by_key, hold) or nil)
          fired = fired + 1
        end
      end
    end
    return fired
  end

  -- Proves the commands of `write_due`.
  function prove_due()
    if next(not_by) then
      prove('HDEL')
    end
    if next(due_at) then
      prove('ZADD')
    end
    if next(not_due) then
      prove('ZREM')
    end
  end

  function write_due()
    local added = {}
    for hold, at in pairs(due_at) do
      added[#added + 1] = string.format('%.0f', at)
      added[#added + 1] = hold
    end
    call_in_portions('ZADD', due_key, added, 1000)
    call_in_portions('ZREM', due_key, keys_of(not_due), 1000)
    local by = {}
    for hold, connection in pairs(left_by) do
      by[#by + 1] = hold
      by[#by + 1] = connection
    end
    call_in_portions('HSET', by_key, by, 1000)
    call_in_portions('HDEL', by_key, keys_of(not_by), 1000)
    if #by > 0 and not has_by then
      redis.call('HSET', KEYS[1], 'grace', 2)
      marked = true
    elseif #added > 0 and not marked then
      redis.call('HSET', KEYS[1], 'grace', 1)
      marked = true
    end
  end
end

-- `own` is the grace of the calling node (ms), `mark` the field `grace` of the epoch.
local function set_grace(own, mark)
  own_grace, marked = tonumber(own), mark
  watched = marked or own_grace > 0
  if watched then
    open_due()
    redis.call('ZCARD', due_key)
  end
  has_by = marked == '2'
  if has_by then
    redis.call('HLEN', by_key)
  end
end

-- Returns the milliseconds until the next departure becomes an edge, -1 if none waits. Call it last.
local function next_due()
  if not watched then
    return -1
  end
  local first = redis.call('ZRANGE', due_key, 0, 0, 'WITHSCORES')
  if first[1] then
    return math.max(0, tonumber(first[2]) - now)
  end
  if marked then
    redis.call('HDEL', KEYS[1], 'grace')
    if has_by then
      redis.call('DEL', by_key)
    end
  end
  return -1
end
