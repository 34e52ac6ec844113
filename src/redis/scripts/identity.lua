-- Put in front of the scripts that let a node work on the data, behind cluster.lua: which cluster the data belongs to, and
-- the schema that it is written in.
--
--   {prefix}:epoch, {prefix}:owners  hashes, both with these fields: `cluster`, a list in JSON of the cluster's identity and
--   those that it had before; `schema`, a number
-- Both keys have them, so that the data keeps its identity when one of the keys is deleted or evicted: events, batches and
-- dead letters outlive an epoch. When Redis has lost everything, the identity is lost with the rest.
--
-- Only open.lua and assign.lua ask. That is enough: every other script of a node demands the epoch and a lease, which only
-- open.lua gives, or a fencing token, which only assign.lua gives. Claims cost nothing more. Under running nodes the
-- identity changes by adopt.lua only, which ends every lease, and the schema by a newer node; assign.lua finds both.
--
-- A node passes its identity in the same form: its own first, then its aliases. An empty text stands for none: whoever has
-- none is not checked.

local function in_both(field, epoch, owners)
  return redis.call('HGET', epoch, field), redis.call('HGET', owners, field)
end

-- The list of the cluster that the data belongs to, as text; false for none.
local function cluster_of_data(epoch, owners)
  local first, second = in_both('cluster', epoch, owners)
  return first or second
end

local function schema_of_data(epoch, owners)
  local first, second = in_both('schema', epoch, owners)
  return math.max(tonumber(first or 0), tonumber(second or 0))
end

-- Why a node may not work on the data, and what the data has instead: `schema` and the number, or `foreign` and the
-- identity. Nothing when it may.
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
  -- A node that does not know the new key yet, while the others already have it.
  for _, name in ipairs(data) do
    if name == node[1] then
      return nil
    end
  end
  return 'foreign', data[1]
end

-- Writes identity and schema to one of the keys, unless they are there.
local function write_identity(key, identity, schema)
  if redis.call('HGET', key, 'schema') ~= schema then
    redis.call('HSET', key, 'schema', schema)
  end
  if identity ~= '' and redis.call('HGET', key, 'cluster') ~= identity then
    redis.call('HSET', key, 'cluster', identity)
  end
end

-- What a node that may work on the data has to write as its identity: its own list, unless the data has a newer one.
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
