-- Included in every script that changes holds, after holds.lua. Keeps the holds of each node, for the reaper.
--
--   {prefix}:held_users:{node}, {prefix}:held_channels:{node}, {prefix}:held_connections:{node}  sets of holds
-- Three sets, so that users can be reaped before their channels. Unordered, so that no order has to be maintained.
-- Expects a call of `set_held` first.

local held_keys

-- KEYS from `first` are these sets, in that order. A key of a foreign type fails here, before the first write.
local function set_held(first)
  held_keys = {U = KEYS[first], c = KEYS[first + 1], k = KEYS[first + 2]}
  for i = first, first + 2 do
    redis.call('SCARD', KEYS[i])
  end
end

-- Returns up to `most` holds of a kind, in any order.
local function some_held(kind, most)
  return redis.call('SRANDMEMBER', held_keys[kind], most)
end

-- Returns up to `most` holds, users first.
local function held_up_to(most)
  local holds = {}
  for _, kind in ipairs({'U', 'c', 'k'}) do
    if #holds < most then
      for _, hold in ipairs(some_held(kind, most - #holds)) do
        holds[#holds + 1] = hold
      end
    end
  end
  return holds
end

local function holds_nothing()
  return redis.call('EXISTS', held_keys.U, held_keys.c, held_keys.k) == 0
end

-- Adds holds (`SADD`) or removes them (`SREM`).
local function write_held(command, holds)
  local kinds = {U = {}, c = {}, k = {}}
  for _, hold in ipairs(holds) do
    local kind = kinds[hold:sub(1, 1)]
    kind[#kind + 1] = hold
  end
  for kind, of_kind in pairs(kinds) do
    call_in_portions(command, held_keys[kind], of_kind, 1000)
  end
end
