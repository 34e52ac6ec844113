-- Put in front of every script that changes holds, behind due.lua: how many connections are subscribed to a channel.
--
--   {prefix}:counts      hash: channel -> `{last}:{at}|node:number|node:number|`: the number that was announced last, when
--                        that was (ms), and how many connections each node has
--   {prefix}:counts_due  sorted set: channel -> when a number that came too early may be announced, or when that of a
--                        channel that nobody is on may be forgotten (ms)
--   {prefix}:epoch       `counts`: there may be something in `counts`. A cluster in which nobody wants to know never has
--                        it, and never looks at the other two.
-- A channel is written as a hold. A node has a number only of channels that it holds: it goes when the hold does, also
-- that of a dead node. A number ends in `:` as a node id cannot.
-- Scripts that put back what Redis has lost announce nothing: they call `announce_counts(true)`.
-- Expects ARGV[1] = key prefix, and `set_counts` to be called first. As in due.lua, the functions exist where `counts` is marked,
-- or `open_counts` was called.

-- In place of the number that was announced last: it differs from any.
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
        -- The clock may have been set back.
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

  -- `node` has so many connections on a channel. In silence, when Redis is told again what it once knew, what was announced
  -- last moves with it: a number that waits for its announcement goes on waiting.
  function set_count(node, hold, number, in_silence)
    local counts = counts_on(hold)
    local more = number - (counts.nodes[node] or 0)
    if in_silence and counts.last == counts.sum then
      counts.last = counts.last + more
    end
    counts.nodes[node] = number > 0 and number or nil
    counts.sum = counts.sum + more
  end

  -- Nobody knows what was announced last.
  function forget_announcement(hold)
    counts_on(hold).last = UNKNOWN
  end

  -- The node has left a channel, or is not there any more.
  function leave_count(node, app, channel, user, in_silence)
    if counts_marked and user == '' then
      set_count(node, encode_hold(app, channel, user), 0, in_silence)
    end
  end

  -- Looks again at numbers whose time has come, `most` of them at most.
  function look_at_due_counts(most)
    local limit = string.format('%.0f', now)
    for _, hold in ipairs(redis.call('ZRANGEBYSCORE', counts_due_key, '-inf', limit, 'LIMIT', 0, most)) do
      counts_on(hold)
    end
  end

  -- Announces what has changed and may be told by now; with `by_claim` the next claim does so. Returns how
  -- many were announced.
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
        -- Whoever comes back before that comes too early as well.
        counts.due = next_at
      end
    end
    return announced
  end

  -- Proves what `write_counts` is going to call.
  function prove_counts()
    if counted[1] then
      prove('HDEL')
      prove('ZADD')
      prove('ZREM')
    end
  end

  -- Returns whether a number waits.
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

-- `interval` is the time between two announcements (ms), `mark` the `counts` of the epoch.
local function set_counts(interval, mark)
  count_interval, counts_marked = tonumber(interval), mark
  if mark then
    open_counts()
  end
end

-- The sooner of `next`, in milliseconds, and the time until a number may be announced; -1 stands for never. Call it last.
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
