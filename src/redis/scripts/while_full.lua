-- Included after refusals.lua in the scripts without which nothing shrinks.

-- Lets the script write while Redis is full (`maxmemory` with `noeviction`). Redis refuses a command that may need
-- memory only as the first write of a script, because it cannot undo writes; DEL needs no memory. Only for scripts
-- whose growth is bounded and without which nothing shrinks: leases, partitions, batches, removals.
local function write_while_full()
  redis.call('DEL', room)
end
