-- Included in every script that appends to the outbox.

-- A longer id has a number of seven digits or more after its millisecond.
local LONGEST_ID = #'1700000000000-999999'

-- If Redis' clock was set back, it is behind the last id of a stream, and all events get the same millisecond. A
-- position has room for 2^20 numbers in one millisecond (`parse_stream_id`), so this moves the stream to the next
-- millisecond. It uses pcall because events before it are already written: without the right to call XSETID, the
-- numbers grow until the clock has caught up.
local function next_millisecond(stream, id)
  local ms = id:match('^%d+')
  redis.pcall('XSETID', stream, string.format('%.0f-0', ms + 1))
end

