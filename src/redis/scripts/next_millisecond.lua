-- Put in front of every script that appends to the outbox.

-- An id with more characters has a seven-digit number behind its millisecond.
local LONGEST_ID = #'1700000000000-999999'

-- While Redis' clock is behind the last id of a stream, having been set back, all events get the same millisecond. A place
-- numbers 2^20 of them (`parse_stream_id`), so that the stream goes on with the next one in time.
-- Called so that an error is an answer, for the events before it are written already: without the right to do so, the
-- numbers grow until the clock has caught up.
local function next_millisecond(stream, id)
  local ms = id:match('^%d+')
  redis.pcall('XSETID', stream, string.format('%.0f-0', ms + 1))
end

