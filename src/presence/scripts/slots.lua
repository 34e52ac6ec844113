-- Included in claim.lua: the holds of a batch, each with a number, its slot.
--
-- The caller has grouped the holds by hash, so that they are read and written with few commands and no hold is looked up by
-- name, which is slow in Lua.

local held_keys = {U = KEYS[4], c = KEYS[5], k = KEYS[6]}

-- By slot: the group, the new hold set, and whether the node has joined (true) or left (false).
local groups, group_of, sets, joined_at = {}, {}, {}, {}

-- Sets the key of a group, the prefix of its encoded holds (app, and the channel of users, each after its length), and the
-- types of the events of its edges.
local function describe(group)
  group.front = length_prefix(group.app) .. group.app
  if group.kind == 'U' then
    group.front = group.front .. length_prefix(group.channel) .. group.channel
    group.key, group.begins, group.ends = hold_key(group.app, group.channel, ' '), 'a', 'r'
  elseif group.kind == 'k' then
    group.key, group.begins, group.ends = hold_key(group.app, '', ' '), 'k', 't'
  else
    group.key, group.begins, group.ends = hold_key(group.app, '', ''), 'o', 'v'
  end
end

-- Reads the hold sets of the groups, whose number is ARGV[at]. Changes that `fire` has made but not written yet come first.
-- Returns the index in ARGV after the groups.
local function read_groups(at)
  local slot = 0
  local next = at + 1
  for n = 1, tonumber(ARGV[at]) do
    local group = {kind = ARGV[next], app = ARGV[next + 1], channel = ARGV[next + 2]}
    local count, begins = tonumber(ARGV[next + 3]), next + 4
    describe(group)
    group.first, group.last, group.offset = slot + 1, slot + count, begins - slot - 1
    groups[n] = group
    local fired = read[group.key]
    for first = begins, begins + count - 1, 1000 do
      local last = math.min(first + 999, begins + count - 1)
      local found = read_key(group.app, 'hash', 'HMGET', group.key, unpack(ARGV, first, last)) or {}
      for i = 1, last - first + 1 do
        slot = slot + 1
        group_of[slot] = group
        sets[slot] = fired and fired[ARGV[first + i - 1]] or found[i] or ''
      end
    end
    next = begins + count
  end
  return next
end

-- Returns true if a group is of a suspended application.
local function has_suspended()
  for _, group in ipairs(groups) do
    if is_suspended(group.app) then
      return true
    end
  end
  return false
end

-- Returns the event of an edge of the hold of a group with this field.
local function edge_at(group, letter, field)
  if group.kind == 'U' then
    return letter .. group.front .. field
  end
  return letter .. group.front .. length_prefix(field) .. field
end

-- Returns that hold as `encode_hold` encodes it.
local function member_at(group, field)
  if group.kind == 'c' then
    return 'c' .. group.front .. length_prefix(field) .. field
  elseif group.kind == 'U' then
    return 'U' .. group.front .. field
  end
  return 'k' .. group.front .. '0:' .. field
end

local function change_at(slot, set, joins)
  local existed, exists = sets[slot] ~= '', set ~= ''
  if watched and existed ~= exists then
    local key = group_of[slot].key
    growth[key] = (growth[key] or 0) + (exists and 1 or -1)
  end
  sets[slot], joined_at[slot] = set, joins
end

-- By kind, the holds that the node joins and leaves. Most calls have one kind.
local joined, left = {}, {}

local function new_list(lists, kind)
  lists[kind] = {}
  return lists[kind]
end

-- Prepares the writes and proves that they are allowed. Its only writes add to the node's held sets, which does no harm
-- alone: the reaper skips holds that the node does not have.
local function prepare_slots()
  for _, group in ipairs(groups) do
    local offset, joins, leaves = group.offset, joined[group.kind], left[group.kind]
    local set, gone, sets_at, gone_at, joins_at, leaves_at = {}, {}, 0, 0, joins and #joins or 0, leaves and #leaves or 0
    for slot = group.first, group.last do
      local change = joined_at[slot]
      if change ~= nil then
        local field, value = ARGV[slot + offset], sets[slot]
        if value == '' then
          gone_at = gone_at + 1
          gone[gone_at] = field
        else
          sets_at = sets_at + 2
          set[sets_at - 1], set[sets_at] = field, value
        end
        if change then
          joins = joins or new_list(joined, group.kind)
          joins_at = joins_at + 1
          joins[joins_at] = member_at(group, field)
        else
          leaves = leaves or new_list(left, group.kind)
          leaves_at = leaves_at + 1
          leaves[leaves_at] = member_at(group, field)
        end
      end
    end
    group.set, group.gone = set, gone
    if gone_at > 0 then
      prove('HDEL')
    end
  end
  for kind, holds in pairs(joined) do
    call_in_portions('SADD', held_keys[kind], holds, 1000)
  end
  for kind in pairs(left) do
    -- No hold is empty, so this removes nothing. It fails for a key of a foreign type or without the right.
    redis.call('SREM', held_keys[kind], '')
  end
end

local function write_slots()
  for _, group in ipairs(groups) do
    call_in_portions('HSET', group.key, group.set, 1000)
    call_in_portions('HDEL', group.key, group.gone, 1000)
  end
  for kind, holds in pairs(left) do
    call_in_portions('SREM', held_keys[kind], holds, 1000)
  end
end
