-- Applies one claim batch of one node. Announces departures whose grace is over, changes hold sets, decides which changes
-- are edges, and appends their events to the outbox, with the client events and cache misses between them. Finally announces
-- the connection counts that have changed.
--
-- KEYS[1] {prefix}:epoch         hash: `id` of the epoch, `settling` as in settling.lua, `grace`, `counts`,
--                                `suspended`
-- KEYS[2] {prefix}:nodes         sorted set: node -> expiry of its lease (ms), negative while it is being reaped
-- KEYS[3] {prefix}:reply:{node}  hash: `batch` (number), `time`, `edges` and `refused` of the node's last batch
-- KEYS[4..6] {prefix}:held_users:{node}, held_channels, held_connections  sets: the node's holds, see held.lua
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] batch number
-- ARGV[5]   partitions of the outbox
-- ARGV[6]   grace (ms)  ARGV[7] most departures to announce
-- ARGV[8]   waiting events at which a partition of the outbox refuses client events; then, after a colon, the bytes of
--           client events that may wait in all partitions, if there is a limit
-- ARGV[9]   shortest time between two counts of a channel (ms)  ARGV[10] how long a channel stays announced as empty (ms)
-- ARGV[11]  entries in their order, five bytes each: type (1 byte), partition of the events (2), number of the hold,
--           counted from 1 (2); big-endian
-- ARGV[12]  number of groups of holds; each hold of the entries is in one group, once
-- then per group: `c` (channels), `U` (users of a channel) or `k` (connections); app; channel, for users only; number of
--           holds; the holds: channels, users or sockets
-- then the further arguments of the entries, in their order
-- Entries:  `+`, `-`: the node joins or leaves the hold; `j`, `l`: the same for a user; argument: the connection
--           `c`, `x`: client event, event of the application; no hold; arguments: app, channel, rest of the event
--           `n`: connection count of the node on the channel; argument: the count
--           `m`, `f`: a cache channel is empty, or has a payload
--
-- Returns {status, number, edges, next, announced, refused, counted}:
--   ok        number = time of the edges (ms). edges = per claim `1` (edge), `0` (none), `2` (a departure whose grace began)
--             or `3` (a rejoin within the grace), and per `m` entry `m` (an event) or `0`. next = ms until the next departure
--             becomes an edge or the next count may be announced, -1 for none. announced = departures that became edges.
--             counted = counts announced. refused = client events dropped because the outbox was full. A batch that is sent
--             again gets the stored reply and changes nothing.
--   lost      the data is of another epoch: Redis lost it. Nothing changed.
--   behind    Redis has lost its last seconds, and an answered batch with them. Nothing changed.
--   reaped    the node's lease lapsed and its holds were removed; or a later batch was applied before, and this one arrives
--             late on an abandoned connection, where its reply is not read. Nothing changed.
--   settling  number = milliseconds until the node should ask again. Nothing changed.
--   suspended an application of the entries is suspended, possibly by this call; see suspended.lua. Nothing else changed.
-- May change: `settling`, unconfirmed, hold sets, due, `grace`, counts, counts_due, `counts`, miss,
-- suspended, KEYS[3..6], the outbox (out, out_bytes).

local node, batch = ARGV[2], ARGV[4]

-- Types of entries, as bytes.
local JOIN, LEAVE, JOIN_BY, LEAVE_BY, CLIENT, CUSTOM = string.byte('+-jlcx', 1, 6)

local function refuse(status, number)
  return {status, number, '', -1, 0, 0, 0}
end

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settling', 'grace', 'counts', 'suspended')
if epoch[1] ~= ARGV[3] then
  return refuse('lost', 0)
end
local last = redis.call('HMGET', KEYS[3], 'batch', 'time', 'edges', 'refused')
if last[1] == batch then
  set_grace(ARGV[6], epoch[3])
  set_counts(ARGV[9], epoch[4])
  return {'ok', tonumber(last[2]), last[3], next_due_or_count(next_due()), 0, tonumber(last[4] or 0), 0}
end
if tonumber(batch) > tonumber(last[1] or 0) + 1 then
  return refuse('behind', 0)
end
if comes_late(last[1], batch) or not has_lease(KEYS[2], node) then
  return refuse('reaped', 0)
end
local wait = settling_for(epoch[2])
if wait > 0 then
  return refuse('settling', wait)
end
set_suspended(epoch[5])
set_grace(ARGV[6], epoch[3])
set_counts(ARGV[9], epoch[4])
set_partitions(ARGV[5], ARGV[8])

local miss_ttl = tonumber(ARGV[10])
if miss_ttl > 0 then
  open_misses()
end
local announced = fire and fire(tonumber(ARGV[7])) or 0
if look_at_due_counts then
  look_at_due_counts(tonumber(ARGV[7]))
end

local rest = read_groups(12)
local mark = mark_of(node)
local edges, judged = {}, 0

local function judge(verdict)
  judged = judged + 1
  edges[judged] = verdict
end

local function claim(slot, joins, home, by)
  local group, before = group_of[slot], sets[slot]
  local after
  if joins then
    after = with_node(before, mark)
  else
    after = without_node(before, mark)
  end
  if after == before then
    return judge('0')
  end
  local field = ARGV[slot + group.offset]
  local verdict = '0'
  if after == '' then
    -- In a cluster without a grace, the departure is an edge at once.
    if watched then
      if group.kind == 'c' then
        after = depart(group.app, field, '', by)
      else
        after = depart(group.app, group.channel, field, by)
      end
    end
    if after == '' then
      append_text(edge_at(group, group.ends, field), home, by)
      verdict = '1'
    else
      verdict = '2'
    end
  elseif before == '' then
    append_text(edge_at(group, group.begins, field), home, by)
    verdict = '1'
  elseif before == LEAVING then
    open_due()
    unset_due(member_at(group, field))
    verdict = '3'
  end
  if group.kind == 'c' then
    if not joins and counts_marked then
      set_home(group.app, field, home)
      leave_count(node, group.app, field, '')
    elseif joins and forget_miss and (before == '' or before == LEAVING) and is_cache(field) then
      forget_miss(group.app, field)
    end
  end
  change_at(slot, after, joins)
  judge(verdict)
end

-- Applies a report about a channel. It is ignored if the node does not hold the channel.
local function report(what, slot, home)
  local group, set = group_of[slot], sets[slot]
  local app, channel, held = group.app, ARGV[slot + group.offset], with_node(set, mark) == set
  set_home(app, channel, home)
  if what == 'm' then
    judge(held and report_miss and report_miss(app, channel) and 'm' or '0')
  elseif held and what == 'f' and forget_miss then
    forget_miss(app, channel)
  elseif held and what == 'n' then
    open_counts()
    set_count(node, encode_hold(app, channel, ''), tonumber(ARGV[rest]))
  end
  if what == 'n' then
    rest = rest + 1
  end
end

local plan, byte = ARGV[11], string.byte
for at = 1, #plan, 5 do
  local what, high, low, slot_high, slot_low = byte(plan, at, at + 4)
  local home, slot = high * 256 + low, slot_high * 256 + slot_low
  if what == JOIN or what == LEAVE then
    claim(slot, what == JOIN, home)
  elseif what == JOIN_BY or what == LEAVE_BY then
    claim(slot, what == JOIN_BY, home, ARGV[rest])
    rest = rest + 1
  elseif what == CLIENT or what == CUSTOM then
    set_home(ARGV[rest], ARGV[rest + 1], home)
    append(what == CLIENT and 'c' or 'x', ARGV[rest], ARGV[rest + 1], ARGV[rest + 2])
    rest = rest + 3
  else
    report(string.char(what), slot, home)
  end
end
local announced_counts = announce_counts and announce_counts() or 0
if next(suspended) and has_suspended() then
  write_suspended()
  return refuse('suspended', 0)
end
edges = table.concat(edges)

-- While Redis is full, claims must wait: the first call is one that needs memory.
prove('XADD')
if order[1] then
  prove('HDEL')
end
if ends_settling then
  prove('DEL')
end
if prove_due then
  prove_due()
end
if prove_counts then
  prove_counts()
end
if prove_misses then
  prove_misses()
end
prepare_slots()
-- The only later write that is not proven yet. If Redis refuses it, the writes before it do no harm.
redis.call('HSET', KEYS[3], 'batch', batch, 'time', string.format('%.0f', now), 'edges', edges, 'refused', refused)
write_settled()
write_holds()
write_slots()
if write_due then
  write_due()
end
if write_counts then
  write_counts()
end
if write_misses then
  write_misses(miss_ttl)
end
write_events()
return {'ok', now, edges, next_due_or_count(next_due()), announced, refused, announced_counts}
