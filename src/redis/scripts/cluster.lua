-- Put in front of every script: Redis' clock, leases, and calls with many arguments.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A node has no lease before it opened its session, nor while and after it was reaped.
local function has_lease(nodes, node)
  local expiry = redis.call('ZSCORE', nodes, node)
  return expiry and tonumber(expiry) >= 0
end

-- Whether the node's lease has not lapsed either.
local function is_alive(nodes, node)
  local expiry = redis.call('ZSCORE', nodes, node)
  return expiry and tonumber(expiry) >= now
end

-- Whether a call comes behind a later batch of its node, on a connection that was given up: `last` is the number of the
-- node's last batch, if there was one, and `number` that of the batch which the call is or follows.
local function comes_late(last, number)
  return last and tonumber(last) > tonumber(number)
end

-- Whether Redis has lost something that it had answered to a node: its last batch, by number, or that it had restored its
-- holds, by the id of the settling; empty when it never has.
local function is_behind(reply, answered, restored)
  local last = redis.call('HMGET', reply, 'batch', 'restored')
  return tonumber(last[1] or 0) < tonumber(answered) or (restored ~= '' and last[2] ~= restored)
end

-- Calls `command key item item ...` in portions that fit Lua's stack.
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
