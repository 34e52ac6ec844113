-- Put in front of every script that decides edges, behind cluster.lua and next_millisecond.lua: the way into the
-- outbox.
--
--   {prefix}:out:{partition}   stream of events, field `e`; of edges of members perhaps field `b`: the connection that made
--                              it behind its length, then the user's data
-- An event is text: its kind, then what it carries, each behind its length but the last:
--   `o` occupied, `v` vacated: app, channel
--   `a` added, `r` removed:    app, channel, user
--   `k` connected, `t` terminated: app, socket
--   `n` subscription count:    app, channel, count
--   `m` cache miss:            app, channel
--   `c` client event:          app, channel, event, socket, user, then 0 or 1 and the data
--   `x` the application's own: app, channel (may be empty), name, then 0 or 1 and the data
-- All events of a channel go to one partition, which keeps their order; so do those of a connection.
-- Expects ARGV[1] = key prefix, and `set_partitions` to be called first.
--
-- Redis does nothing else while a script runs, so that what is costly in Lua is avoided: writing numbers out, hashing, and
-- putting the same text together twice.

-- `3:` and the like. There are few lengths, and many texts.
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

-- App and channel, each behind its length. Several entries in a row are about one channel.
local function name_of(app, channel)
  if channel ~= last_channel or app ~= last_app then
    last_name = length_prefix(app) .. app .. length_prefix(channel) .. channel
    last_app, last_channel = app, channel
  end
  return last_name
end

local partitions, most_waiting = 0, nil

-- The partitions of the outbox; 0 when it is not in Redis, and nothing is appended. Where `most` events wait in one, client
-- events are given up: edges always get in.
local function set_partitions(number, most)
  partitions, most_waiting = tonumber(number), tonumber(most)
end

local homes = {}

-- The partition of a channel, as `src/outbox/redis/partition.rs` works it out: a caller that has done so saves the time.
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

-- The stream of a partition, looked at before anything is written: a key of a foreign type fails here.
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

local texts, bys, places, appended, refused = {}, {}, {}, 0, 0

-- Appends an event that has its text already to a partition.
local function append_text(text, home, by)
  if partitions == 0 then
    return
  end
  local n, stream = appended + 1, streams[home] or stream_of(home)
  texts[n], places[n], appended = text, stream, n
  if by then
    -- Even nothing would take room in the table.
    bys[n] = by
  end
end

local function append(kind, app, channel, rest, by)
  if partitions == 0 then
    return
  end
  local name = name_of(app, channel)
  local home = home_of(app, channel, name)
  if kind == 'c' and stream_of(home) and full[home] then
    refused = refused + 1
  else
    append_text(kind .. name .. rest, home, by)
  end
end

local function write_events()
  local call = redis.call
  for n = 1, appended do
    local by, id = bys[n]
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
