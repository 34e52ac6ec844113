-- Does what every script of ours does, without changing anything: it uses two keys of one server, a key outside its
-- KEYS, and the newest command that any script needs (XTRIM MINID, Redis 6.2). XTRIM is a write, which a replica
-- refuses.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- ARGV[1] {prefix}:probe, a key that does not exist
--
-- Returns 1. Changes nothing.

redis.call('EXISTS', KEYS[1], KEYS[2])
redis.call('XTRIM', ARGV[1], 'MINID', 0)
return 1
