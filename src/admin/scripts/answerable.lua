-- Included in the scripts that read who is there, after identity.lua and settling.lua.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes  KEYS[3] {prefix}:owners
-- ARGV[1] prefix  ARGV[2] app  ARGV[3] identity of the caller's cluster, see identity.lua; empty for none
-- ARGV[4] newest schema and shards, see there  ARGV[5] run_id of the server process; empty: unknown

local epoch = redis.call('HMGET', KEYS[1], 'id', 'settling', 'server', 'suspended')

-- Returns nil if Redis has all holds of the application. Otherwise returns why not, and a detail:
--   schema, shards, foreign  as in identity.lua
--   absent           there is no data
--   restoring        Redis may have lost data, and the nodes have not restored all holds. The process is another one than
--                    that of the last session after a restart or a failover, until a node notices.
--   suspended        a key of the application has a foreign type. The detail is the entry that suspended.lua describes.
local function refusal()
  local status, detail = mismatch(KEYS[1], KEYS[3], ARGV[3], ARGV[4])
  if status then
    return {status, detail}
  end
  if not epoch[1] then
    return {'absent', ''}
  end
  -- A settling that waits for no node any more is over, though only the next claim writes that.
  if settling_for(epoch[2]) > 0 or (ARGV[5] ~= '' and epoch[3] and epoch[3] ~= ARGV[5]) then
    return {'restoring', ''}
  end
  local entry = epoch[4] and redis.call('HGET', ARGV[1] .. ':suspended', ARGV[2])
  return entry and {'suspended', entry} or nil
end
