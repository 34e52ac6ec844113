-- Put in front of the scripts that keep dead letters, behind full.lua and dead_letters.lua. Where there are too many, older
-- ones make room for a new one, and so they do while Redis is full.
-- Expects ARGV[4] = most dead letters, ARGV[5] = most of one endpoint, ARGV[6] = most bytes, ARGV[7] = their greatest age (ms).

-- Dead letters that made room for others, not counting those that were too old.
local evicted = 0

-- Bytes that all letters take.
local function held()
  return tonumber(redis.call('ZSCORE', sizes, 'all') or 0)
end

-- Removes the oldest letter of an endpoint. Returns whether there was one.
local function evict_of(endpoint)
  local oldest = redis.call('ZRANGE', letters_of(endpoint), 0, 0)[1]
  if oldest then
    evicted = evicted + remove_letter(oldest, endpoint)
  end
  return oldest ~= nil
end

-- Removes the oldest letter of the endpoint whose letters take the most bytes. Returns whether there was one.
local function evict_of_largest()
  for _, whose in ipairs(redis.call('ZRANGE', sizes, 0, 1, 'REV')) do
    if whose ~= 'all' then
      local found = evict_of(whose:sub(3))
      if not found then
        -- What is left of letters that were removed by another hand.
        resize(whose:sub(3), -tonumber(redis.call('ZSCORE', sizes, whose)))
      end
      return true
    end
  end
  return false
end

-- Removes letters until one more of the endpoint and of so many bytes is within the limits.
local function make_room(endpoint, bytes)
  local left = REMOVED_AT_ONCE
  left = left - remove_oldest(string.format('(%.0f', math.max(0, now - ARGV[7])), left)
  -- Entries that could not be read have no endpoint.
  while left > 0 and endpoint ~= '' and redis.call('ZCARD', letters_of(endpoint)) >= tonumber(ARGV[5]) and evict_of(endpoint) do
    left = left - 1
  end
  local over = redis.call('XLEN', dead) + 1 - tonumber(ARGV[4])
  if over > 0 then
    local removed = remove_oldest('+', math.min(over, left))
    evicted, left = evicted + removed, left - removed
  end
  local before = held()
  while left > 0 and held() + bytes > tonumber(ARGV[6]) and evict_of_largest() do
    left = left - 1
  end
  while full and left > 0 and before - held() < bytes do
    local removed = remove_oldest('+', 1)
    if removed == 0 then
      break
    end
    evicted, left = evicted + removed, left - 1
  end
end

-- Returns the id of the letter; nothing where none are kept.
local function add_letter(first, last)
  local fields, endpoint, body, bytes = {}, '', nil, 0
  for i = first, last, 2 do
    local field, text = ARGV[i], ARGV[i + 1]
    bytes = bytes + #text
    if field == 'body' then
      body = text
    else
      fields[#fields + 1] = field
      fields[#fields + 1] = text
    end
    if field == 'endpoint' then
      endpoint = text
    end
  end
  if tonumber(ARGV[4]) == 0 then
    evicted = evicted + 1
    return
  end
  -- A key of a foreign type fails here.
  redis.call('HLEN', bodies)
  make_room(endpoint, bytes)
  local id = redis.call('XADD', dead, '*', 'bytes', bytes, unpack(fields))
  if body then
    redis.call('HSET', bodies, id, body)
  end
  redis.call('ZADD', letters_of(endpoint), id:match('^%d+'), id)
  resize(endpoint, bytes)
  return id
end
