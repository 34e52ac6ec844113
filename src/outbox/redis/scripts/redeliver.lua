-- Retries dead letters: each becomes an entry in the outbox, and stays a dead letter until it has been delivered. The
-- dead letter of an unreadable entry becomes that entry again, for a node that can read it, and is removed.
--
-- KEYS[1] {prefix}:dead
-- ARGV[1] prefix  ARGV[2] partitions  ARGV[3] id of the retry  ARGV[4..] ids of dead letters
--
-- Returns the number of dead letters that were found. May change: the keys of dead_letters.lua, out of the partitions.
-- `append.lua` describes the streams. A redelivery is an entry with the field `r`: dead letter, batch id, events,
-- attempts and id of the retry, each length-prefixed, then the lane.

local function length_prefixed(text)
  return #text .. ':' .. text
end

local entries, checked, unreadable = {}, {}, {}

for i = 4, #ARGV do
  local found = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if found then
    local dead_letter, raw = {}, {}
    for at = 1, #found[2], 2 do
      local field = found[2][at]
      dead_letter[field] = found[2][at + 1]
      if field:sub(1, 4) == 'raw:' then
        raw[#raw + 1] = field:sub(5)
        raw[#raw + 1] = found[2][at + 1]
      end
    end
    local lane = length_prefixed(dead_letter.endpoint or '') .. (dead_letter.app_id or '')
    -- The dead letters of a lane go to one partition, which keeps their order.
    local partition = tonumber(redis.sha1hex(lane):sub(1, 8), 16) % tonumber(ARGV[2])
    if raw[1] then
      local own = tonumber(dead_letter.partition)
      -- A version with more partitions may have written it.
      if own and own >= 0 and own < tonumber(ARGV[2]) and own % 1 == 0 then
        partition = own
      end
      unreadable[#unreadable + 1] = ARGV[i]
    end
    local stream = ARGV[1] .. ':out:' .. partition
    if not checked[stream] then
      redis.call('XLEN', stream)
      checked[stream] = true
    end
    local text = length_prefixed(ARGV[i]) .. length_prefixed(dead_letter.id or '')
      .. length_prefixed(dead_letter.events or '0') .. length_prefixed(dead_letter.attempts or '0')
      .. length_prefixed(ARGV[3]) .. lane
    entries[#entries + 1] = {stream, raw[1] and raw or {'r', text}}
  end
end
if unreadable[1] then
  prove_removal()
end
for _, entry in ipairs(entries) do
  local id = redis.call('XADD', entry[1], '*', unpack(entry[2]))
  if #id > LONGEST_ID then
    next_millisecond(entry[1], id)
  end
end
for _, dead_letter in ipairs(unreadable) do
  remove_dead_letter(dead_letter)
end
return #entries
