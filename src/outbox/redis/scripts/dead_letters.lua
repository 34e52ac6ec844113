-- Put in front of every script that adds or removes dead letters.
--
--   {prefix}:dead               stream, one entry a letter, oldest first; `dead_letters.rs` has its fields
--   {prefix}:dead_bodies        hash: letter -> body, so that a list of letters is short
--   {prefix}:dead_of:{endpoint} sorted set: letter of this endpoint -> when it was given up (ms)
--   {prefix}:dead_sizes         sorted set: `all`, and `e:` with an endpoint's id -> bytes of the letters
-- A letter is added and removed in all of them by the same execution. An entry of the stream that is not in the others, or
-- the other way round, is removed like any letter.
-- Expects ARGV[1] = key prefix.

-- Letters that one execution removes to keep within a limit; the next one goes on.
local REMOVED_AT_ONCE = 100

local dead, bodies, sizes = ARGV[1] .. ':dead', ARGV[1] .. ':dead_bodies', ARGV[1] .. ':dead_sizes'

local function letters_of(endpoint)
  return ARGV[1] .. ':dead_of:' .. endpoint
end

-- Proves that letters can be removed.
local function prove_removal()
  for _, command in ipairs({'HDEL', 'XDEL', 'ZADD', 'ZREM'}) do
    prove(command)
  end
end

local function resize(endpoint, bytes)
  for _, whose in ipairs({'all', 'e:' .. endpoint}) do
    if tonumber(redis.call('ZADD', sizes, 'INCR', bytes, whose)) <= 0 then
      redis.call('ZREM', sizes, whose)
    end
  end
end

-- Removes a letter, which is one of the endpoint unless the letter itself says otherwise. Returns how many there were.
local function remove_letter(id, endpoint)
  local found, letter = redis.call('XRANGE', dead, id, id)[1], {endpoint = endpoint or ''}
  for at = 1, found and #found[2] or 0, 2 do
    letter[found[2][at]] = found[2][at + 1]
  end
  local removed = redis.call('XDEL', dead, id)
  redis.call('HDEL', bodies, id)
  redis.call('ZREM', letters_of(letter.endpoint), id)
  resize(letter.endpoint, -(tonumber(letter.bytes) or 0))
  return removed
end

-- Removes up to so many of the oldest letters, up to an end of XRANGE. Returns how many.
local function remove_oldest(last, count)
  local removed = 0
  while removed < count do
    local oldest = redis.call('XRANGE', dead, '-', last, 'COUNT', 1)[1]
    if not oldest then
      break
    end
    removed = removed + remove_letter(oldest[1])
  end
  return removed
end
