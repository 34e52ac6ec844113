-- Included in every script that decides edges, after cluster.lua and next_millisecond.lua. Appends events to the
-- outbox.
--
--   {prefix}:out_bytes         hash: partition, and `all` -> bytes of its client and custom events; only with a byte limit, see bytes.lua
--   {prefix}:out:{partition}   stream of events in field `e`; an edge of a member may have a field `b`: the connection that
--                              caused it, length-prefixed, then the user's data
-- An event is text: its kind, then its fields, each length-prefixed but the last:
--   `o` occupied, `v` vacated: app, channel
--   `a` added, `r` removed:    app, channel, user
--   `k` connected, `t` terminated: app, socket
--   `n` subscription count:    app, channel, count
--   `m` cache miss:            app, channel
--   `c` client event:          app, channel, event, socket, user, then 0 or 1 and the data
--   `x` custom event:          app, channel (may be empty), name, then 0 or 1 and the data
-- All events of a channel, and all of a connection, go to one partition, which keeps their order.
-- Expects ARGV[1] = key prefix, and a call of `set_partitions` first.
--
-- Redis is blocked while a script runs, so this code avoids what is slow in Lua: formatting numbers, hashing, and
-- concatenating the same text twice.

-- Length prefixes such as `3:`, cached: there are few lengths and many texts.
local prefixes = {}

local function length_prefix(text)
  local length = #text
  local prefix = prefixes[length]
  if not prefix then
    prefix = length .. ':'
    prefixes[length] = prefix
  end
  return prefix
end

local last_app, last_channel, last_name

-- App and channel, each length-prefixed. Cached, because consecutive events are often about one channel.
local function name_of(app, channel)
  if channel ~= last_channel or app ~= last_app then
    last_name = length_prefix(app) .. app .. length_prefix(channel) .. channel
    last_app, last_channel = app, channel
  end
  return last_name
end

local partitions, most_waiting, most_bytes = 0, nil, nil

-- Sets the number of partitions and the limits. `most` is `events` or `events:bytes`: the events per partition, and the
-- bytes of client and custom events in all of them. Beyond a limit, client events are refused; other events never are.
local function set_partitions(number, most)
  partitions = tonumber(number)
  if most then
    local events, bytes = most:match('^(%d+):?(%d*)$')
    most_waiting, most_bytes = tonumber(events), tonumber(bytes)
  end
end

local homes = {}

-- Sets the partition of a channel that the caller has already computed, as in `src/event/partition.rs`. That saves
-- hashing.
local function set_home(app, channel, partition)
  homes[name_of(app, channel)] = partition
end

local function home_of(app, channel, name)
  local home = homes[name]
  if not home then
    home = tonumber(redis.sha1hex(length_prefix(app) .. app .. channel):sub(1, 8), 16) % partitions
    homes[name] = home
  end
  return home
end

local streams, full = {}, {}

-- The stream of a partition. Reads it before the first write, so that a key of a foreign type fails here.
local function stream_of(home)
  local stream = streams[home]
  if not stream then
    stream = ARGV[1] .. ':out:' .. home
    local length = redis.call('XLEN', stream)
    full[home] = most_waiting and length >= most_waiting
    streams[home] = stream
  end
  return stream
end

local byte_counts, all_bytes

-- Counts the bytes of an event. Returns false if they exceed the limit. Only calls with such events pay for this.
local function count_bytes(home, bytes, may_refuse)
  byte_counts = byte_counts or {}
  local known = byte_counts[home]
  if not known then
    local counts = redis.call('HMGET', ARGV[1] .. ':out_bytes', 'all', home)
    all_bytes, known = all_bytes or tonumber(counts[1] or 0), tonumber(counts[2] or 0)
    byte_counts[home] = known
  end
  if may_refuse and all_bytes + bytes > most_bytes then
    return false
  end
  all_bytes, byte_counts[home] = all_bytes + bytes, known + bytes
  return true
end

local texts, places, appended, refused = {}, {}, 0, 0
local bys

-- Appends an event that is already encoded.
local function append_text(text, home, by)
  local n, stream = appended + 1, streams[home] or stream_of(home)
  texts[n], places[n], appended = text, stream, n
  if by then
    bys = bys or {}
    bys[n] = by
  end
end

local function append(kind, app, channel, rest, by)
  local name = name_of(app, channel)
  local home = home_of(app, channel, name)
  local is_client, text = kind == 'c', kind .. name .. rest
  if is_client and stream_of(home) and full[home] then
    refused = refused + 1
  elseif most_bytes and (is_client or kind == 'x') and not count_bytes(home, #text, is_client) then
    refused = refused + 1
  else
    append_text(text, home, by)
  end
end

local function write_events()
  local call = redis.call
  if all_bytes then
    local counts = ARGV[1] .. ':out_bytes'
    for home, bytes in pairs(byte_counts) do
      call('HSET', counts, home, bytes)
    end
    call('HSET', counts, 'all', all_bytes)
  end
  for n = 1, appended do
    local by, id = bys and bys[n]
    if by then
      id = call('XADD', places[n], '*', 'e', texts[n], 'b', by)
    else
      id = call('XADD', places[n], '*', 'e', texts[n])
    end
    if #id > LONGEST_ID then
      next_millisecond(places[n], id)
    end
  end
end
