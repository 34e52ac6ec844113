-- Included in every script. Redis' clock, leases, and commands with many arguments. Each function that a script defines costs
-- every call of it, so what few scripts need is in other files.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A node has no lease before it opens its session, while it is being reaped, and after that.
local function has_lease(nodes, node)
  local expiry = redis.call('ZSCORE', nodes, node)
  return expiry and tonumber(expiry) >= 0
end

-- Calls `command key item item ...` in portions that fit on Lua's stack.
local function call_in_portions(command, key, items, portion)
  for first = 1, #items, portion do
    redis.call(command, key, unpack(items, first, math.min(first + portion - 1, #items)))
  end
end
