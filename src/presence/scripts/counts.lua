-- Included in every script that changes holds, after due.lua: connection counts of channels.
--
--   {prefix}:counts      hash: channel -> `{last}:{at}|node:number|node:number|`: the count announced last, when that was
--                        (ms), and the count of each node
--   {prefix}:counts_due  sorted set: channel -> when a count that came too early may be announced, or when the entry of a
--                        channel without connections may be removed (ms)
--   {prefix}:epoch       `counts`: `counts` may have entries. A cluster in which no endpoint wants counts never sets it and
--                        never reads the other two keys.
-- A channel is encoded as a hold. A node has a count only for channels that it holds: the count is removed with the hold,
-- also when a dead node is reaped. A count ends with `:`, which cannot occur in a node id.
-- Scripts that restore what Redis has lost announce nothing: they call `announce_counts(true)`.
-- Expects ARGV[1] = key prefix, and a call of `set_counts` first. As in due.lua, the functions exist only if `counts` is
-- marked or `open_counts` was called.

-- Replaces the count announced last; no count equals it.
local UNKNOWN = 2 ^ 53

local counts_key, counts_due_key = ARGV[1] .. ':counts', ARGV[1] .. ':counts_due'
local counts_marked, count_interval = false, 0

local set_count, forget_announcement, leave_count, look_at_due_counts, announce_counts, prove_counts, write_counts

local function open_counts()
  if set_count then
    return
  end
  local counts_of, counted = {}, {}

  local function counts_on(hold)
    local counts = counts_of[hold]
    if not counts then
      if #counted == 0 then
        redis.call('ZCARD', counts_due_key)
      end
      counts = {last = 0, at = 0, sum = 0, nodes = {}}
      local text = redis.call('HGET', counts_key, hold)
      if text then
        local last, at, rest = text:match('^(%d+):(%d+)|(.*)$')
        -- Redis' clock may have been set back.
        counts.last, counts.at = tonumber(last), math.min(tonumber(at), now)
        for node, number in rest:gmatch('([^|:]+):(%d+)|') do
          counts.nodes[node] = tonumber(number)
          counts.sum = counts.sum + number
        end
      end
      counts_of[hold] = counts
      counted[#counted + 1] = hold
    end
    return counts
  end

  -- Sets the count of `node` on a channel. `in_silence` is for a count that Redis had before: it changes the sum and the
  -- count announced last together. If these differ already, a count waits for its announcement and keeps waiting.
  function set_count(node, hold, number, in_silence)
    local counts = counts_on(hold)
    local more = number - (counts.nodes[node] or 0)
    if in_silence and counts.last == counts.sum then
      counts.last = counts.last + more
    end
    counts.nodes[node] = number > 0 and number or nil
    counts.sum = counts.sum + more
  end

  -- Marks the count announced last as unknown.
  function forget_announcement(hold)
    counts_on(hold).last = UNKNOWN
  end

  -- Removes the count of a node that has left a channel or is dead.
  function leave_count(node, app, channel, user, in_silence)
    if counts_marked and user == '' then
      set_count(node, encode_hold(app, channel, user), 0, in_silence)
    end
  end

  -- Loads up to `most` counts whose time has come, so that `announce_counts` announces them.
  function look_at_due_counts(most)
    local limit = string.format('%.0f', now)
    for _, hold in ipairs(redis.call('ZRANGEBYSCORE', counts_due_key, '-inf', limit, 'LIMIT', 0, most)) do
      counts_on(hold)
    end
  end

  -- Announces the counts that have changed and are due. With `by_claim`, leaves that to the next claim. Returns how many were
  -- announced.
  function announce_counts(by_claim)
    local announced = 0
    for _, hold in ipairs(counted) do
      local counts = counts_on(hold)
      local next_at = counts.at + count_interval
      if counts.sum ~= counts.last then
        if now < next_at or by_claim then
          counts.due = math.max(now, next_at)
        else
          local app, channel = decode_hold(hold)
          append('n', app, channel, string.format('%.0f', counts.sum))
          announced = announced + 1
          counts.last, counts.at, next_at = counts.sum, now, now + count_interval
        end
      end
      if counts.sum == 0 and counts.last == 0 and now < next_at then
        -- A channel that is joined again before this time must wait too.
        counts.due = next_at
      end
    end
    return announced
  end

  -- Proves the commands of `write_counts`.
  function prove_counts()
    if counted[1] then
      prove('HDEL')
      prove('ZADD')
      prove('ZREM')
    end
  end

  -- Writes the changes. Returns true if a count waits.
  function write_counts()
    local set, gone, due, not_due = {}, {}, {}, {}
    for _, hold in ipairs(counted) do
      local counts = counts_of[hold]
      if counts.due then
        due[#due + 1] = string.format('%.0f', counts.due)
        due[#due + 1] = hold
      else
        not_due[#not_due + 1] = hold
      end
      if counts.sum == 0 and counts.last == 0 and not counts.due then
        gone[#gone + 1] = hold
      else
        local text = {string.format('%.0f:%.0f|', counts.last, counts.at)}
        for node, number in pairs(counts.nodes) do
          text[#text + 1] = string.format('%s:%.0f|', node, number)
        end
        set[#set + 1] = hold
        set[#set + 1] = table.concat(text)
      end
    end
    call_in_portions('HSET', counts_key, set, 1000)
    call_in_portions('HDEL', counts_key, gone, 1000)
    call_in_portions('ZADD', counts_due_key, due, 1000)
    call_in_portions('ZREM', counts_due_key, not_due, 1000)
    if #set > 0 and not counts_marked then
      redis.call('HSET', KEYS[1], 'counts', 1)
      counts_marked = true
    end
    return #due > 0
  end
end

-- `interval` is the shortest time between two announcements of a channel (ms), `mark` the field `counts` of the epoch.
local function set_counts(interval, mark)
  count_interval, counts_marked = tonumber(interval), mark
  if mark then
    open_counts()
  end
end

-- Returns the smaller of `next` and the time until a count may be announced, both in ms; -1 means never. Call it last.
local function next_due_or_count(next)
  if not counts_marked then
    return next
  end
  local first = redis.call('ZRANGE', counts_due_key, 0, 0, 'WITHSCORES')
  if first[1] then
    local wait = math.max(0, tonumber(first[2]) - now)
    return next < 0 and wait or math.min(next, wait)
  end
  if redis.call('EXISTS', counts_key) == 0 then
    redis.call('HDEL', KEYS[1], 'counts')
  end
  return next
end
