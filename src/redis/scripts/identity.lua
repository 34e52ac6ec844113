-- Included in the scripts that let a node work on the data, after cluster.lua. Checks which cluster the data belongs
-- to, its schema and its number of shards.
--
--   {prefix}:epoch, {prefix}:owners  hashes, both with the fields `cluster` (a JSON list: the cluster's identity, then its
--                                    former ones), `schema` (a number) and `shards` (a number; without it there is one)
-- Both keys have them, so that the data keeps its identity if one key is deleted or evicted: events, batches and dead
-- letters outlive an epoch. If Redis loses everything, the identity is lost too.
--
-- Of a node's scripts on a shard, only open.lua and assign.lua check. That is enough: every other one requires the epoch
-- and a lease, which only open.lua gives, or a fencing token, which only assign.lua gives. Claims cost nothing extra.
-- While nodes run, only adopt.lua changes the identity, and it ends every lease; only a newer node changes the schema.
-- assign.lua notices both.
--
-- A node passes its identity as the same kind of list: its own first, then its aliases. A node that passes an empty
-- text is not checked. `schema` is the newest schema that the node knows; with several shards, a slash and their number
-- follow.

-- The stamp of the data: `cluster` (false for none), `schema` (0 without data) and `shards`.
local function stamp_of(epoch, owners)
  local first = redis.call('HMGET', epoch, 'cluster', 'schema', 'shards')
  local second = redis.call('HMGET', owners, 'cluster', 'schema', 'shards')
  return first[1] or second[1], math.max(tonumber(first[2] or 0), tonumber(second[2] or 0)),
    tonumber(first[3] or second[3] or 1)
end

-- The list of the cluster that the data belongs to, as JSON; false if there is none.
local function cluster_of_data(epoch, owners)
  return (stamp_of(epoch, owners))
end

-- The two numbers of the argument `schema`.
local function schema_and_shards(schema)
  local known, shards = schema:match('^(%d+)/?(%d*)$')
  return known, tonumber(shards) or 1
end

-- Why a node may not work on the data: `schema` and the schema's number, `shards` and their number, or `foreign` and the
-- cluster's identity. Nil if it may.
local function mismatch(epoch, owners, identity, schema)
  local cluster, written, divided = stamp_of(epoch, owners)
  local known, shards = schema_and_shards(schema)
  if written > tonumber(known) then
    return 'schema', string.format('%.0f', written)
  end
  if written > 0 and divided ~= shards then
    return 'shards', string.format('%.0f', divided)
  end
  if identity == '' or not cluster then
    return nil
  end
  local node, data = cjson.decode(identity), cjson.decode(cluster)
  for _, name in ipairs(node) do
    if name == data[1] then
      return nil
    end
  end
  -- The node may not have the new identity yet, while others already do.
  for _, name in ipairs(data) do
    if name == node[1] then
      return nil
    end
  end
  return 'foreign', data[1]
end

-- Writes the stamp to one of the keys if it differs.
local function write_identity(key, identity, schema)
  local known, shards = schema_and_shards(schema)
  local written = redis.call('HMGET', key, 'cluster', 'schema', 'shards')
  if written[2] ~= known then
    redis.call('HSET', key, 'schema', known)
  end
  if shards > 1 and not written[3] then
    redis.call('HSET', key, 'shards', shards)
  end
  if identity ~= '' and written[1] ~= identity then
    redis.call('HSET', key, 'cluster', identity)
  end
end

-- The identity that an admitted node has to write: its own list, unless the data has a newer one.
local function identity_to_write(epoch, owners, identity)
  local cluster = cluster_of_data(epoch, owners)
  if identity == '' or not cluster then
    return identity
  end
  local node, current = cjson.decode(identity), cjson.decode(cluster)[1]
  for _, name in ipairs(node) do
    if name == current then
      return identity
    end
  end
  return cluster
end
