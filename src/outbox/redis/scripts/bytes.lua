-- Included in the scripts that remove events from the outbox.
--
--   {prefix}:out_bytes  hash: partition, and `all` -> bytes of the waiting client and custom events.
--                       Counted once a node has `outbox_max_bytes`, until the partition is empty.
-- Expects ARGV[1] = key prefix.

-- Entries per read.
local READ_AT_ONCE = 100

local byte_counts = ARGV[1] .. ':out_bytes'

local function is_counted(partition)
  return redis.call('HEXISTS', byte_counts, partition) == 1
end

local function bytes_of(entries)
  local bytes = 0
  for _, entry in ipairs(entries) do
    local text = entry[2][1] == 'e' and entry[2][2] or ''
    local kind = text:sub(1, 1)
    if kind == 'c' or kind == 'x' then
      bytes = bytes + #text
    end
  end
  return bytes
end

-- The bytes of a stream's counted events before an id; nil if no event at or after the id is left.
local function bytes_before(stream, id)
  if not redis.call('XRANGE', stream, id, '+', 'COUNT', 1)[1] then
    return nil
  end
  local bytes, from = 0, '-'
  while true do
    local entries = redis.call('XRANGE', stream, from, '(' .. id, 'COUNT', READ_AT_ONCE)
    bytes = bytes + bytes_of(entries)
    if #entries < READ_AT_ONCE then
      return bytes
    end
    from = '(' .. entries[#entries][1]
  end
end

-- Subtracts bytes from the count of a partition; nil: the partition becomes empty. Called before the events are
-- removed: if Redis refuses this, both are retried.
local function uncount(partition, bytes)
  local known = redis.call('HMGET', byte_counts, 'all', partition)
  local all, here = tonumber(known[1] or 0), tonumber(known[2] or 0)
  bytes = math.min(bytes or here, here)
  if bytes < here then
    redis.call('HSET', byte_counts, partition, here - bytes)
  else
    redis.call('HDEL', byte_counts, partition)
  end
  if bytes < all then
    redis.call('HSET', byte_counts, 'all', all - bytes)
  else
    redis.call('HDEL', byte_counts, 'all')
  end
end
