-- Put in front of every script that decides edges, behind cluster.lua: the way into the outbox.
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

local partitions = 0

-- The partitions of the outbox; 0 when it is not in Redis, and nothing is appended.
local function set_partitions(number)
  partitions = tonumber(number)
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

local texts, bys, places, droppable = {}, {}, {}, {}

local function append(kind, app, channel, rest, by)
  if partitions == 0 then
    return
  end
  local name, n = name_of(app, channel), #texts + 1
  texts[n] = kind .. name .. rest
  bys[n] = by
  places[n] = home_of(app, channel, name)
  droppable[n] = kind == 'c' or nil
end

-- The stream of each event, checked before anything is written: a key of a foreign type fails here. Gives up the client
-- events for streams in which `most` events wait, if that is given: edges always get in. An event that is given up has no
-- stream. Returns how many were, too.
local function streams(most)
  local keys, known, full, refused = {}, {}, {}, 0
  for n, home in ipairs(places) do
    local key = known[home]
    if not key then
      key = ARGV[1] .. ':out:' .. home
      known[home] = key
      local length = redis.call('XLEN', key)
      full[home] = most and length >= most
    end
    if droppable[n] and full[home] then
      refused = refused + 1
      keys[n] = false
    else
      keys[n] = key
    end
  end
  return keys, refused
end

local function write_events(keys)
  for n, key in ipairs(keys) do
    local by = bys[n]
    if key and by then
      redis.call('XADD', key, '*', 'e', texts[n], 'b', by)
    elseif key then
      redis.call('XADD', key, '*', 'e', texts[n])
    end
  end
end
