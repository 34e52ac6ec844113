-- Rebuilds the hold sets of a suspended application from the holds of all nodes and from its departures, one portion per call.
-- The last portion ends the suspension. Until then no claim of the application is accepted, so its holds and departures do
-- not change.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] application
-- ARGV[5..7] node, kind and cursor that the previous portion returned; empty, 0 and 0 for the first one
--
-- Returns {status, node, kind, cursor}: `more`, with the start of the next portion; `foreign` while a key is of a foreign type;
-- `ok` if the application is not or no longer suspended; `lost` as in claim.lua. A portion may be repeated, also by several
-- nodes at once.
-- May change: hold sets, due, by, suspended, `suspended`, `grace`.

-- Kinds of holds of a node. After the last node come the departures of all nodes.
local KINDS = {'held_users', 'held_channels', 'held_connections'}
local DEPARTURES = #KINDS + 1

local PORTION = 500

-- Shortest remaining time of departures, so that every node can send the claims that it had set aside (ms).
local CATCH_UP = 5000

local epoch = redis.call('HMGET', KEYS[1], 'id', 'grace')
if epoch[1] ~= ARGV[3] then
  return {'lost', '', 0, '0'}
end
local app, node, kind, cursor = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
-- Read even without the mark, which is lost with the epoch.
local expected, key = (redis.call('HGET', suspended_key, app) or ''):match('^(%S+) (.*)$')
if not key then
  return {'ok', '', 0, '0'}
end
local found = redis.call('TYPE', key).ok
if found ~= 'none' and found ~= expected then
  return {'foreign', '', 0, '0'}
end
set_grace(0, epoch[2])
open_due()
set_suspended(true)
suspended[app] = nil

-- Returns the kind of holds after this one. Nodes are visited in the order of their names, so it does not matter if nodes come
-- or go.
local function following(node, kind)
  if kind > 0 and kind < #KINDS then
    return node, kind + 1
  end
  local first
  for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if name > node and (not first or name < first) then
      first = name
    end
  end
  return first or node, first and 1 or DEPARTURES
end

local front = length_prefix(app) .. app

local function is_of_app(hold)
  return hold:sub(2, 1 + #front) == front
end

-- Restores a portion of one kind of holds. Returns the cursor within the kind, `0` when it is complete.
local function restore_holds()
  local mark = mark_of(node)
  local page = redis.call('SSCAN', ARGV[1] .. ':' .. KINDS[kind] .. ':' .. node, cursor, 'COUNT', PORTION)
  for _, hold in ipairs(page[2]) do
    if is_of_app(hold) then
      local _, channel, user = decode_hold(hold)
      local key, field = hold_key(app, channel, user)
      set_hold_set(key, field, with_node(hold_set(key, field), mark))
    end
  end
  return page[1]
end

-- The same for departures. Drops a departure whose hold another node has, as far as known.
local function restore_departures()
  local page = redis.call('ZSCAN', due_key, cursor, 'COUNT', PORTION)
  for i = 1, #page[2], 2 do
    local hold = page[2][i]
    if is_of_app(hold) then
      local _, channel, user = decode_hold(hold)
      local key, field = hold_key(app, channel, user)
      local set = hold_set(key, field)
      if set == '' or set == LEAVING then
        set_hold_set(key, field, LEAVING)
        set_due(hold, math.max(tonumber(page[2][i + 1]), now + CATCH_UP))
      else
        unset_due(hold)
      end
    end
  end
  return page[1]
end

if kind == 0 then
  node, kind = following(node, kind)
  cursor = '0'
end
if kind < DEPARTURES then
  cursor = restore_holds()
elseif watched then
  cursor = restore_departures()
end
if is_suspended(app) then
  write_suspended()
  return {'foreign', '', 0, '0'}
end
write_holds()
write_due()
if cursor ~= '0' then
  return {'more', node, kind, cursor}
elseif kind < DEPARTURES then
  node, kind = following(node, kind)
  return {'more', node, kind, '0'}
end
redis.call('HDEL', suspended_key, app)
if redis.call('EXISTS', suspended_key) == 0 then
  redis.call('HDEL', KEYS[1], 'suspended')
end
return {'ok', '', 0, '0'}
