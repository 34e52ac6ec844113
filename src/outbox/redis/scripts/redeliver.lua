-- Has dead letters sent again: each becomes an entry in the outbox, behind what its lane has to send already. The letters
-- stay where they are until they have been delivered.
--
-- KEYS[1] {prefix}:dead
-- ARGV[1] prefix  ARGV[2] partitions  ARGV[3..] ids of letters
--
-- Returns the number of letters that were found. May change: out of the partitions (`append.lua` describes the streams; a
-- redelivery is an entry with the field `r`: letter and batch id behind their lengths, events, attempts, lane).

local function behind_length(text)
  return #text .. ':' .. text
end

local entries, checked = {}, {}
for i = 3, #ARGV do
  local found = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if found then
    local letter = {}
    for at = 1, #found[2], 2 do
      letter[found[2][at]] = found[2][at + 1]
    end
    local lane = behind_length(letter.endpoint or '') .. (letter.app_id or '')
    -- The letters of a lane go to one partition, so that they keep their order.
    local partition = tonumber(redis.sha1hex(lane):sub(1, 8), 16) % tonumber(ARGV[2])
    local stream = ARGV[1] .. ':out:' .. partition
    if not checked[stream] then
      redis.call('XLEN', stream)
      checked[stream] = true
    end
    local text = behind_length(ARGV[i]) .. behind_length(letter.id or '')
      .. behind_length(letter.events or '0') .. behind_length(letter.attempts or '0') .. lane
    entries[#entries + 1] = {stream, text}
  end
end
for _, entry in ipairs(entries) do
  redis.call('XADD', entry[1], '*', 'r', entry[2])
end
return #entries
