-- Applies one batch of one node: announces departures whose grace is over, then changes hold sets, decides which changes
-- are edges, and appends their events to the outbox, with the client events and cache misses between them. At the end it
-- announces how many are subscribed where that has changed.
--
-- KEYS[1] {prefix}:epoch         hash: `id` of this life of the data, `settling` as in settling.lua, `grace`, `counts`,
--                                `suspended`
-- KEYS[2] {prefix}:nodes         sorted set: node -> expiry of its lease (ms), negative while it is being reaped
-- KEYS[3] {prefix}:reply:{node}  hash: `batch` number, `time`, `edges` and `refused` of the node's last batch
-- KEYS[4..6] {prefix}:held_users:{node}, held_channels, held_connections  sets: the node's holds, see held.lua
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch id  ARGV[4] batch number
-- ARGV[5]   partitions of the outbox
-- ARGV[6]   grace (ms)  ARGV[7] most departures to announce
-- ARGV[8]   how many events may wait in a partition of the outbox before it takes no client events; behind a colon, client
--           events of how many bytes in all partitions, if there is a limit
-- ARGV[9]   time between two counts of a channel (ms)  ARGV[10] how long a channel is known to be empty (ms)
-- ARGV[11]  the entries in their order, five bytes each: what it is, the partition of its events and the number of the hold
--           that it is about, counted from 1; both are two bytes, the greater one first
-- ARGV[12]  in how many groups the holds are that the entries are about, each hold once
-- then for each group: `c` for channels, `U` for users of a channel, `k` for connections; app; channel, of users only; how
--           many holds; and those: channels, users or sockets
-- then what entries have beside that, in their order
-- Entries:  `+` or `-`: the node holds it, or no more; `j` or `l`: the same of a user, and beside it the connection by which
--           `c` or `x`, of no hold: beside it app, channel and the rest of a client event, or of one of the application's own
--           `n`, and beside it how many connections the node has on the channel
--           `m` for a cache channel that was found empty, `f` for one that has a payload
--
-- Returns {status, number, edges, next, announced, refused, counted}:
--   ok        number = time of the edges (ms), edges = one per claim: `1`, `0`, `2` for a departure whose grace began, or
--             `3` for a rejoin within it; and one per `m`: `m` for an event, or `0`. next = ms until a departure becomes an
--             edge or a count may be announced, -1 for none. announced = how many departures became edges now, counted =
--             how many counts were announced. refused = client events that were given up because the outbox was full. A batch
--             sent again gets the stored reply and changes nothing.
--   lost      the data is not of this epoch: Redis lost it. Nothing changed.
--   behind    Redis has lost its last seconds, and an answered batch with them. Nothing changed.
--   reaped    the node's lease lapsed and its holds were taken away; or this batch comes behind a later one, on a
--             connection that was given up, and nobody hears the answer. Nothing changed.
--   settling  number = milliseconds until it is worth asking again. Nothing changed.
--   suspended an application of the entries is suspended, by now or before; see suspended.lua. Nothing else changed.
-- May change: `settling`, unconfirmed, hold sets, due, `grace`, counts, counts_due, `counts`, miss,
-- suspended, KEYS[3..6], the outbox (out, out_bytes).

local node, batch = ARGV[2], ARGV[4]

-- What an entry is, as a byte.
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
    -- Where nobody grants a grace it is an edge.
    if watched then
      local channel, user = hold_at(group, field)
      after = depart(group.app, channel, user, by)
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

-- What a node says of a channel counts while it holds it.
local function tell(what, slot, home)
  local group, set = group_of[slot], sets[slot]
  local app, channel, held = group.app, ARGV[slot + group.offset], with_node(set, mark) == set
  set_home(app, channel, home)
  if what == 'm' then
    judge(held and tell_miss and tell_miss(app, channel) and 'm' or '0')
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
    tell(string.char(what), slot, home)
  end
end
local announced_counts = announce_counts and announce_counts() or 0
if next(suspended) and has_suspended() then
  write_suspended()
  return refuse('suspended', 0)
end
edges = table.concat(edges)

-- A claim waits while Redis is full: the first call is one that needs memory.
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
-- The only command to follow that is not proven yet: refused, it leaves nothing behind but what does no harm.
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
