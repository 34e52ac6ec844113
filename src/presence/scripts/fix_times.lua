-- Included in renew.lua: corrects times that lie too far in the future because Redis' clock was set back.
--
-- Redis uses the clock of its machine. After a step back by an hour, a dead node would live for another hour, and departures
-- would wait for as long. May change: KEYS[2], due, counts_due.

-- Longest time between two counts of a channel that the config allows (ms).
local LONGEST_COUNT_INTERVAL = 3600 * 1000

-- Most entries of each key that one call corrects.
local MOST_CORRECTED = 1000

-- Sets all scores of a sorted set that are above `latest` to `instead`.
local function bring_forward(key, latest, instead)
  local late = redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', latest), '+inf', 'LIMIT', 0, MOST_CORRECTED)
  local scores = {}
  for _, member in ipairs(late) do
    scores[#scores + 1] = string.format('%.0f', instead)
    scores[#scores + 1] = member
  end
  call_in_portions('ZADD', key, scores, 1000)
end

-- `lease` is that of the calling node (ms). Other nodes may have a longer one, but rarely more than ten times as long.
local function fix_times(lease)
  bring_forward(KEYS[2], now + 10 * lease, now + lease)
  if watched then
    bring_forward(due_key, now + LONGEST_GRACE + PUT_OFF, now)
  end
  if counts_marked then
    bring_forward(counts_due_key, now + LONGEST_COUNT_INTERVAL, now)
  end
end
