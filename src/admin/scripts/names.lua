-- Reads a page of the occupied channels of an application, or of the members of a channel.
--
-- KEYS[1..3], ARGV[1..5] as in answerable.lua  KEYS[4] {prefix}:channels:{app} or {prefix}:users:{app length}:{app}:{channel}
-- ARGV[6] what the names begin with  ARGV[7] cursor, 0 for the start  ARGV[8] names wanted
--
-- Returns {status, detail, cursor, names}: `ok`, with the cursor of the next page, 0 after the last one; or as in
-- answerable.lua. A page may have more names than wanted. It has fewer if 5000 names were read to find them.
-- Changes nothing.

local refused = refusal()
if refused then
  return {refused[1], refused[2], '0', {}}
end
local begins, cursor, wanted = ARGV[6], ARGV[7], tonumber(ARGV[8])
local names, seen = {}, 0
-- Few names may begin so, and each call has its price.
local portion = math.min(begins == '' and wanted or math.max(wanted, 100), 1000)
repeat
  local page = redis.call('HSCAN', KEYS[4], cursor, 'COUNT', portion)
  cursor = page[1]
  -- Each name is followed by its hold set.
  for i = 1, #page[2], 2 do
    if page[2][i]:sub(1, #begins) == begins then
      names[#names + 1] = page[2][i]
    end
  end
  seen = seen + #page[2] / 2
until cursor == '0' or #names >= wanted or seen >= 5000
return {'ok', '', cursor, names}
