-- Put in front of every script that decides edges, behind cluster.lua: the way into the outbox.
--
--   {prefix}:out:{partition}   stream of events, field `e`
-- An event is text: its kind, then what it carries, each behind its length but the last:
--   `o` occupied, `v` vacated: app, channel
--   `a` added, `r` removed:    app, channel, user
--   `c` client event:          app, channel, event, socket, user, then 0 or 1 and the data
-- All events of a channel go to one partition, which keeps their order.
-- Expects ARGV[1] = key prefix.

local appended = {}

local function append(kind, app, channel, rest)
  appended[#appended + 1] = {kind, app, channel, rest}
end

local function partition_of(app, channel, partitions)
  return tonumber(redis.sha1hex(#app .. ':' .. app .. channel):sub(1, 8), 16) % partitions
end

-- The stream of each event, checked before anything is written: a key of a foreign type fails here.
local function streams(partitions)
  local keys, checked = {}, {}
  for i, event in ipairs(appended) do
    local key = ARGV[1] .. ':out:' .. partition_of(event[2], event[3], partitions)
    if not checked[key] then
      redis.call('XLEN', key)
      checked[key] = true
    end
    keys[i] = key
  end
  return keys
end

local function write_events(keys)
  for i, event in ipairs(appended) do
    local kind, app, channel, rest = unpack(event)
    local text = kind .. #app .. ':' .. app .. #channel .. ':' .. channel .. rest
    redis.call('XADD', keys[i], '*', 'e', text)
  end
end

