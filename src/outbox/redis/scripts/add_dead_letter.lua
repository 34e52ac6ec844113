-- Included in the scripts that add dead letters, after full.lua and dead_letters.lua. Beyond a limit, and while Redis
-- is full, older dead letters are evicted.
-- Expects ARGV[4] = most dead letters, ARGV[5] = most of one endpoint, ARGV[6] = most bytes, ARGV[7] = greatest age
-- (ms).

-- Evicted dead letters, not counting expired ones.
local evicted = 0

-- Bytes of all dead letters.
local function all_bytes_held()
  return tonumber(redis.call('ZSCORE', sizes, 'all') or 0)
end

-- Evicts the oldest dead letter of an endpoint. Returns false if there was none.
local function evict_of(endpoint)
  local oldest = redis.call('ZRANGE', dead_letters_of(endpoint), 0, 0)[1]
  if oldest then
    evicted = evicted + remove_dead_letter(oldest, endpoint)
  end
  return oldest ~= nil
end

-- Evicts the oldest dead letter of the endpoint whose dead letters take the most bytes. Returns false if there was
-- none.
local function evict_of_largest()
  for _, whose in ipairs(redis.call('ZRANGE', sizes, 0, 1, 'REV')) do
    if whose ~= 'all' then
      local found = evict_of(whose:sub(3))
      if not found then
        -- The size is left over from dead letters that another program removed.
        resize(whose:sub(3), -tonumber(redis.call('ZSCORE', sizes, whose)))
      end
      return true
    end
  end
  return false
end

-- Removes dead letters until one more, of this endpoint and with this many bytes, is within the limits.
local function make_room(endpoint, bytes)
  local left = REMOVED_AT_ONCE
  left = left - remove_oldest(string.format('(%.0f', math.max(0, now - ARGV[7])), left)
  -- Unreadable entries have no endpoint.
  while left > 0 and endpoint ~= '' and redis.call('ZCARD', dead_letters_of(endpoint)) >= tonumber(ARGV[5]) and evict_of(endpoint) do
    left = left - 1
  end
  local over = redis.call('XLEN', dead) + 1 - tonumber(ARGV[4])
  if over > 0 then
    local removed = remove_oldest('+', math.min(over, left))
    evicted, left = evicted + removed, left - removed
  end
  local before = all_bytes_held()
  while left > 0 and all_bytes_held() + bytes > tonumber(ARGV[6]) and evict_of_largest() do
    left = left - 1
  end
  while full and left > 0 and before - all_bytes_held() < bytes do
    local removed = remove_oldest('+', 1)
    if removed == 0 then
      break
    end
    evicted, left = evicted + removed, left - 1
  end
end

-- Adds a dead letter with the fields in ARGV[first] to ARGV[last]. Returns its id; nil if dead letters are not kept.
local function add_dead_letter(first, last)
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
  -- Fails here if the key has a foreign type.
  redis.call('HLEN', bodies)
  make_room(endpoint, bytes)
  local id = redis.call('XADD', dead, '*', 'bytes', bytes, unpack(fields))
  if body then
    redis.call('HSET', bodies, id, body)
  end
  redis.call('ZADD', dead_letters_of(endpoint), id:match('^%d+'), id)
  resize(endpoint, bytes)
  return id
end
