-- Pushes a job onto a queue of Laravel, and wakes a worker that waits for one (`block_for`).
--
-- KEYS  1 the queue, 2 its list of notifications
-- ARGV  1 the payload of the job
-- Returns the number of jobs on the queue.
-- Changes both keys, or neither if one of them is no list.
redis.call('LLEN', KEYS[2])
local jobs = redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], 1)
return jobs
