-- Put in front of renew.lua: times that only a clock which was set back can have left in the future.
--
-- Redis' clock is the machine's, and a step back by an hour would have a dead node live for an hour longer, and departures
-- wait for as long. May change: KEYS[2], due, counts_due.

-- The longest time between two counts of a channel that the config allows (ms).
local LONGEST_COUNT_INTERVAL = 3600 * 1000

-- Entries that one call mends of each kind.
local MOST_MENDED = 1000

-- Has what is in a sorted set for later than `latest` be there at `instead`.
local function bring_forward(key, latest, instead)
  local late = redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', latest), '+inf', 'LIMIT', 0, MOST_MENDED)
  local scores = {}
  for _, member in ipairs(late) do
    scores[#scores + 1] = string.format('%.0f', instead)
    scores[#scores + 1] = member
  end
  call_in_portions('ZADD', key, scores, 1000)
end

-- `lease` is that of the calling node (ms): others may have a longer one, though rarely more than ten times as long.
local function mend_times(lease)
  bring_forward(KEYS[2], now + 10 * lease, now + lease)
  if watched then
    bring_forward(due_key, now + LONGEST_GRACE + PUT_OFF, now)
  end
  if counts_marked then
    bring_forward(counts_due_key, now + LONGEST_COUNT_INTERVAL, now)
  end
end
