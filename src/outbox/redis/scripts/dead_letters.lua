-- Included in every script that adds or removes dead letters.
--
--   {prefix}:dead               stream, one entry per dead letter, oldest first; `dead_letters.rs` describes its fields
--   {prefix}:dead_bodies        hash: dead letter -> body, so that a list of dead letters is short
--   {prefix}:dead_of:{endpoint} sorted set: dead letter of the endpoint -> when it was written (ms)
--   {prefix}:dead_sizes         sorted set: `all`, and `e:` with an endpoint's id -> bytes of the dead letters
-- One execution adds or removes a dead letter in all of them. One that is missing from some of them is removed like others.
-- Expects ARGV[1] = key prefix.

-- Most dead letters that one execution removes to meet a limit; the next one continues.
local REMOVED_AT_ONCE = 100

local dead, bodies, sizes = ARGV[1] .. ':dead', ARGV[1] .. ':dead_bodies', ARGV[1] .. ':dead_sizes'

local function dead_letters_of(endpoint)
  return ARGV[1] .. ':dead_of:' .. endpoint
end

-- Proves that dead letters can be removed.
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

-- Removes a dead letter. `endpoint` is used if the entry does not name one. Returns 1 if it existed, else 0.
local function remove_dead_letter(id, endpoint)
  local found, dead_letter = redis.call('XRANGE', dead, id, id)[1], {endpoint = endpoint or ''}
  for at = 1, found and #found[2] or 0, 2 do
    dead_letter[found[2][at]] = found[2][at + 1]
  end
  local removed = redis.call('XDEL', dead, id)
  redis.call('HDEL', bodies, id)
  redis.call('ZREM', dead_letters_of(dead_letter.endpoint), id)
  resize(dead_letter.endpoint, -(tonumber(dead_letter.bytes) or 0))
  return removed
end

-- Removes up to `count` of the oldest dead letters, up to an end of XRANGE. Returns how many.
local function remove_oldest(last, count)
  local removed = 0
  while removed < count do
    local oldest = redis.call('XRANGE', dead, '-', last, 'COUNT', 1)[1]
    if not oldest then
      break
    end
    removed = removed + remove_dead_letter(oldest[1])
  end
  return removed
end
