-- Included in every script. Redis' clock, leases, and commands with many arguments.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A node has no lease before it opens its session, while it is being reaped, and after that.
local function has_lease(nodes, node)
  local expiry = redis.call('ZSCORE', nodes, node)
  return expiry and tonumber(expiry) >= 0
end

-- True if the node's lease has not lapsed.
local function is_alive(nodes, node)
  local expiry = redis.call('ZSCORE', nodes, node)
  return expiry and tonumber(expiry) >= now
end

-- True if a call arrives after a later batch of its node, over a connection that the node had abandoned. `last` is the
-- number of the node's last batch, if any; `number` that of the batch that the call is or follows.
local function comes_late(last, number)
  return last and tonumber(last) > tonumber(number)
end

-- True if Redis lost something that it had acknowledged to a node: its last batch (`answered`, a number), or that it
-- had restored its holds (`restored`, the id of the settling; empty if it never has).
local function is_behind(reply, answered, restored)
  local last = redis.call('HMGET', reply, 'batch', 'restored')
  return tonumber(last[1] or 0) < tonumber(answered) or (restored ~= '' and last[2] ~= restored)
end

-- Calls `command key item item ...` in portions that fit on Lua's stack.
local function call_in_portions(command, key, items, portion)
  for first = 1, #items, portion do
    redis.call(command, key, unpack(items, first, math.min(first + portion - 1, #items)))
  end
end

-- The keys of a table, as a list.
local function keys_of(entries)
  local keys = {}
  for key in pairs(entries) do
    keys[#keys + 1] = key
  end
  return keys
end
