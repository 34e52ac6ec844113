-- Included in the scripts that let a node work on the data, after cluster.lua. Checks which cluster the data belongs
-- to, and its schema.
--
--   {prefix}:epoch, {prefix}:owners  hashes, both with the fields `cluster` (a JSON list: the cluster's identity, then its
--                                    former ones) and `schema` (a number)
-- Both keys have them, so that the data keeps its identity if one key is deleted or evicted: events, batches and dead
-- letters outlive an epoch. If Redis loses everything, the identity is lost too.
--
-- Only open.lua and assign.lua check. That is enough: every other script of a node requires the epoch and a lease,
-- which only open.lua gives, or a fencing token, which only assign.lua gives. Claims cost nothing extra. While nodes
-- run, only adopt.lua changes the identity, and it ends every lease; only a newer node changes the schema. assign.lua
-- notices both.
--
-- A node passes its identity as the same kind of list: its own first, then its aliases. A node that passes an empty
-- text is not checked.

local function in_both(field, epoch, owners)
  return redis.call('HGET', epoch, field), redis.call('HGET', owners, field)
end

-- The list of the cluster that the data belongs to, as JSON; false if there is none.
local function cluster_of_data(epoch, owners)
  local first, second = in_both('cluster', epoch, owners)
  return first or second
end

local function schema_of_data(epoch, owners)
  local first, second = in_both('schema', epoch, owners)
  return math.max(tonumber(first or 0), tonumber(second or 0))
end

-- Why a node may not work on the data: `schema` and the schema's number, or `foreign` and the cluster's identity. Nil
-- if it may.
local function mismatch(epoch, owners, identity, schema)
  local written = schema_of_data(epoch, owners)
  if written > tonumber(schema) then
    return 'schema', string.format('%.0f', written)
  end
  local cluster = cluster_of_data(epoch, owners)
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

-- Writes identity and schema to one of the keys if they differ.
local function write_identity(key, identity, schema)
  if redis.call('HGET', key, 'schema') ~= schema then
    redis.call('HSET', key, 'schema', schema)
  end
  if identity ~= '' and redis.call('HGET', key, 'cluster') ~= identity then
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
