-- Included in the scripts of presence that follow batches of claims.

-- True if a call arrives after a later batch of its node, over a connection that the node had abandoned. `last` is the
-- number of the node's last batch, if any; `number` that of the batch that the call is or follows.
local function comes_late(last, number)
  return last and tonumber(last) > tonumber(number)
end
