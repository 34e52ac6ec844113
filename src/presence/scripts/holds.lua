-- Included in every script that changes holds, after suspended.lua.
--
-- A hold set is the value of one hash field: the nodes that serve a channel, a presence user or a connection, as
-- `|node|node|`. A node id consists of A-Z a-z 0-9 . _ - only, so `|` cannot occur in one. A missing field is an empty set.
-- `|` is also empty, but the departure is not announced yet; see due.lua.
--   {prefix}:channels:{app}                      field: channel
--   {prefix}:users:{app length}:{app}:{channel}  field: user
--   {prefix}:connections:{app}                   field: socket
-- The length distinguishes app `a:b` with channel `c` from app `a` with channel `b:c`.
--
-- A hold is (app, channel, user). Without a user it is the channel; without a channel it is a connection, and `user` is its
-- socket. A channel with an empty name has no users.
--
-- Reads are cached, and writes are delayed until `write_holds`: Redis keeps the writes made before an error, so everything
-- that can fail must fail before the first write. The hold sets of a suspended application look empty and are not written.
-- Expects ARGV[1] = key prefix.

local channel_keys, app_of = {}, {}

local function hold_key(app, channel, user)
  if user == '' then
    local key = channel_keys[app]
    if not key then
      key = ARGV[1] .. ':channels:' .. app
      channel_keys[app], app_of[key] = key, app
    end
    return key, channel
  end
  local key
  if channel == '' then
    key = ARGV[1] .. ':connections:' .. app
  else
    key = ARGV[1] .. ':users:' .. length_prefix(app) .. app .. ':' .. channel
  end
  app_of[key] = app
  return key, user
end

-- Encodes a hold as a member of a set: `c`, `U` or, for a connection, `k`; app and channel, each after its length; the user.
-- At the same score in `due`, a user (a capital letter) sorts before a channel, and a channel before a connection.
local function encode_hold(app, channel, user)
  local kind = user == '' and 'c' or channel == '' and 'k' or 'U'
  return kind .. name_of(app, channel) .. user
end

local function decode_hold(text)
  local length, start = text:match('^%a(%d+):()')
  local app = text:sub(start, start + length - 1)
  length, start = text:match('^(%d+):()', start + length)
  local channel = text:sub(start, start + length - 1)
  return app, channel, text:sub(start + length)
end

-- Appends the event of an edge. `by` is the connection that caused it, where an endpoint needs it.
local function append_edge(sign, app, channel, user, by)
  if user == '' then
    append(sign == '+' and 'o' or 'v', app, channel, '')
  elseif channel == '' then
    append(sign == '+' and 'k' or 't', app, user, '')
  else
    append(sign == '+' and 'a' or 'r', app, channel, user, by)
  end
end

local read, changed, order = {}, {}, {}

-- Per key, the number of fields that the delayed writes add.
local growth = {}

local function hold_set(key, field)
  local fields = read[key]
  if not fields then
    fields = {}
    read[key] = fields
  end
  local value = fields[field]
  if not value then
    local app = app_of[key]
    value = not is_suspended(app) and read_key(app, 'hash', 'HGET', key, field) or ''
    fields[field] = value
  end
  return value
end

local function set_hold_set(key, field, value)
  if is_suspended(app_of[key]) then
    return
  end
  local existed, exists = read[key][field] ~= '', value ~= ''
  if existed ~= exists then
    growth[key] = (growth[key] or 0) + (exists and 1 or -1)
  end
  read[key][field] = value
  local fields = changed[key]
  if not fields then
    fields = {}
    changed[key] = fields
    order[#order + 1] = key
  end
  fields[field] = true
end

-- Returns a node as it appears in hold sets.
local function mark_of(node)
  return '|' .. node .. '|'
end

local function with_node(set, mark)
  if set == '' then
    return mark
  end
  if set:find(mark, 1, true) then
    return set
  end
  return set .. mark:sub(2)
end

local function without_node(set, mark)
  if set == mark then
    return ''
  end
  local first, last = set:find(mark, 1, true)
  if not first then
    return set
  end
  return set:sub(1, first) .. set:sub(last + 1)
end

local function write_holds()
  write_suspended()
  for _, key in ipairs(order) do
    local set, gone = {}, {}
    for field in pairs(changed[key]) do
      local value = read[key][field]
      if value == '' then
        gone[#gone + 1] = field
      else
        set[#set + 1] = field
        set[#set + 1] = value
      end
    end
    call_in_portions('HSET', key, set, 1000)
    call_in_portions('HDEL', key, gone, 1000)
  end
end
