-- Adds the numbers of a node to the history. Never fails because of what Redis refuses: the history is not worth an error.
--
-- KEYS[1] {prefix}:counted:{node}
-- ARGV[1] prefix  ARGV[2] number of this call, for this node  ARGV[3] expiry of KEYS[1] (ms)  ARGV[4] bits of a number
-- then per key: name without the prefix, length (bytes), expiry (Unix ms), number of changes; then per change three items:
-- `+` (add) or `>` (set if greater), place of the number, value
--
-- Returns the error if Redis refuses the first command, and nothing has changed. Else an empty string. A repeated call
-- changes nothing, and neither does one for a key of a foreign type.
-- May change KEYS[1] and the named keys. A number stops at its greatest value.

local refused = redis.pcall('BITFIELD', KEYS[1], 'GET', 'u1', 0)
if refused.err then
  return refused.err
end
if redis.call('GET', KEYS[1]) == ARGV[2] then
  return ''
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])

local width = 'u' .. ARGV[4]

local function change(key, first, last)
  local adds = {}
  for i = first, last, 3 do
    local place, value = '#' .. ARGV[i + 1], ARGV[i + 2]
    if ARGV[i] == '+' then
      for _, word in ipairs({'INCRBY', width, place, value}) do
        adds[#adds + 1] = word
      end
    elseif redis.call('BITFIELD', key, 'GET', width, place)[1] < tonumber(value) then
      redis.call('BITFIELD', key, 'OVERFLOW', 'SAT', 'SET', width, place, value)
    end
  end
  if adds[1] then
    redis.call('BITFIELD', key, 'OVERFLOW', 'SAT', unpack(adds))
  end
end

local i = 5
while i <= #ARGV do
  local key, left = ARGV[1] .. ':' .. ARGV[i], ARGV[i + 2] - now
  local first, last = i + 4, i + 3 + 3 * ARGV[i + 3]
  local kind = redis.call('TYPE', key).ok
  if left > 0 and (kind == 'none' or kind == 'string') then
    if kind == 'none' then
      -- In its full length at once: a string that grows gets twice the memory.
      redis.call('SET', key, string.rep('\0', ARGV[i + 1]), 'PX', string.format('%.0f', left))
    end
    change(key, first, last)
  end
  i = last + 1
end
return ''
