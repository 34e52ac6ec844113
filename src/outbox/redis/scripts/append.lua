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
-- Expects ARGV[1] = key prefix.

local appended = {}

local function append(kind, app, channel, rest, by)
  appended[#appended + 1] = {kind, app, channel, rest, by}
end

local function partition_of(app, channel, partitions)
  return tonumber(redis.sha1hex(#app .. ':' .. app .. channel):sub(1, 8), 16) % partitions
end

-- The stream of each event, checked before anything is written: a key of a foreign type fails here. Gives up the client
-- events for streams in which `most` events wait, if that is given: edges always get in. Returns how many it gave up, too.
local function streams(partitions, most)
  local keys, lengths, accepted = {}, {}, {}
  for _, event in ipairs(appended) do
    local key = ARGV[1] .. ':out:' .. partition_of(event[2], event[3], partitions)
    lengths[key] = lengths[key] or redis.call('XLEN', key)
    if event[1] ~= 'c' or not most or lengths[key] < most then
      accepted[#accepted + 1] = event
      keys[#keys + 1] = key
    end
  end
  local refused = #appended - #accepted
  appended = accepted
  return keys, refused
end

local function write_events(keys)
  for i, event in ipairs(appended) do
    local kind, app, channel, rest, by = unpack(event, 1, 5)
    local text = kind .. #app .. ':' .. app .. #channel .. ':' .. channel .. rest
    if by then
      redis.call('XADD', keys[i], '*', 'e', text, 'b', by)
    else
      redis.call('XADD', keys[i], '*', 'e', text)
    end
  end
end

