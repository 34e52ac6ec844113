-- Does what every script here does, and changes nothing: it needs two keys of one server, a key that is not among its KEYS,
-- and a command that is as young as the youngest one that others use (XTRIM MINID, Redis 6.2). That is a write, which a
-- replica refuses.
--
-- KEYS[1] {prefix}:epoch  KEYS[2] {prefix}:nodes
-- ARGV[1] {prefix}:probe, a key that does not exist
--
-- Returns 1. Changes nothing.

redis.call('EXISTS', KEYS[1], KEYS[2])
redis.call('XTRIM', ARGV[1], 'MINID', 0)
return 1
