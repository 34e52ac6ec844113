-- Put in front of the scripts that keep dead letters, behind full.lua. While Redis is full, the oldest ones make room for a
-- new one.
-- Expects KEYS[4] = dead letters, ARGV[4] = most of them, ARGV[5] = their greatest age (ms).

-- Dead letters that made room for others, not counting those that were too old.
local evicted = 0

-- Removes the oldest dead letters until as many bytes are free as a new one takes.
local function make_room(bytes)
  while bytes > 0 do
    local oldest = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)[1]
    if not oldest then
      return
    end
    for _, text in ipairs(oldest[2]) do
      bytes = bytes - #text
    end
    evicted = evicted + redis.call('XDEL', KEYS[4], oldest[1])
  end
end

local function add_letter(first, last)
  if full then
    local bytes = 0
    for i = first, last do
      bytes = bytes + #ARGV[i]
    end
    make_room(bytes)
  end
  redis.call('XADD', KEYS[4], '*', unpack(ARGV, first, last))
  redis.call('XTRIM', KEYS[4], 'MINID', string.format('%.0f', math.max(0, now - ARGV[5])))
  evicted = evicted + redis.call('XTRIM', KEYS[4], 'MAXLEN', ARGV[4])
end

