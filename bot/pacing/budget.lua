-- One budget of all processes, in one step: what a process tells, and whether it may make a call.
--
-- KEYS: the registry (hash: run, generation, full, read, lapsed; and the time: the latest that was
-- used, and how far it is ahead of the server's), the known budgets (sorted set: until when each
-- one's slots count; with the member "." so that it is never empty), and the budget (hash:
-- "s:<slot>" until when it counts, "w:<process>" who waits, "paused", "lowered", "generation",
-- "full"; and "of", the registry's generation). All times are milliseconds; what processes tell is
-- how long ago or how long from now.
--
-- What is missing counts as full: after a restart, an eviction or a flush the window isn't empty,
-- only unknown. For one beat nothing is granted, and each process tells the slots of its own log.

local registry, known, budget = KEYS[1], KEYS[2], KEYS[3]
local asked = cjson.decode(ARGV[1])
local calls, me = asked.calls, asked.process

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local run = redis.call('HGET', registry, 'run')
local whole = redis.call('ZSCORE', known, '.')
if not whole or run ~= asked.run then
  if run and whole and not asked.sure then
    return cjson.encode({stale = true})
  end
  redis.call('DEL', known)
  redis.call('HDEL', registry, 'read', 'latest', 'ahead')  -- an epoch that has lapsed stays so
  redis.call('HSET', registry, 'run', asked.run, 'generation', asked.slot, 'full', now + asked.beat)
  redis.call('ZADD', known, '+inf', '.')
end

-- Time goes on, whatever the server's clock is set to. Where that went back, it is ahead of it from
-- then on. Where it went forward, no process has seen as much time pass since it was told the time:
-- it is what that process counted. One that was not told in this generation does not move it far.
local of, latest, ahead = unpack(redis.call('HMGET', registry, 'generation', 'latest', 'ahead'))
if latest then
  local server, heard, at_least, at_most, by = now, unpack(asked.heard)
  if by ~= of then heard = nil end
  latest, now = tonumber(latest), now + tonumber(ahead)
  if heard and now > heard + at_most then
    now = heard + at_least
  elseif not heard and now > latest + asked.beat then
    now = latest
  end
  now = math.max(now, latest)
  ahead = now - server
end
redis.call('HSET', registry, 'latest', now, 'ahead', ahead or 0)

-- Redis may be used for a term after any process has read the mode in the database. Later nobody
-- knows it: then nothing is granted in this epoch any more.
local read = math.max(tonumber(redis.call('HGET', registry, 'read') or '0'), now - asked.age)
redis.call('HSET', registry, 'read', read)
redis.call('PEXPIRE', registry, 86400000)
redis.call('PEXPIRE', known, 86400000)
if now - read > asked.term then redis.call('HSET', registry, 'lapsed', 1) end
local lapsed = redis.call('HEXISTS', registry, 'lapsed') == 1

if redis.call('HGET', budget, 'of') ~= of then redis.call('DEL', budget) end
local until_known = tonumber(redis.call('ZSCORE', known, budget) or '0')
if redis.call('EXISTS', budget) == 0 and until_known > now then
  redis.call('HSET', budget, 'generation', now, 'full', now + asked.beat)
end

local slots, waiting, state = {}, {}, {}
local fields = redis.call('HGETALL', budget)
for at = 1, #fields, 2 do
  local kind, name = fields[at]:sub(1, 2), fields[at]:sub(3)
  if kind == 's:' then
    slots[name] = tonumber(fields[at + 1])
  elseif kind == 'w:' then
    waiting[name] = cjson.decode(fields[at + 1])
  else
    state[fields[at]] = tonumber(fields[at + 1])
  end
end
local generation = of .. ':' .. (state.generation or 0)
local full = math.max(tonumber(redis.call('HGET', registry, 'full')), state.full or 0)
local paused = state.paused or 0

-- The rate is lower after a 429, and rises with each window without one.
local function rate()
  local lowered = state.lowered or 1
  if lowered == 1 or now < paused then return lowered end
  return math.min(1, lowered + math.floor((now - paused) / asked.window) * 0.1)
end

if asked.limited > 0 then
  if now >= paused then
    state.lowered = math.max(0.1, rate() * 0.6)
    redis.call('HSET', budget, 'lowered', state.lowered)
  end
  paused = math.max(paused, now + asked.limited)
  redis.call('HSET', budget, 'paused', paused)
end
local window = asked.window / rate()

local function keep(slot, till)
  slots[slot] = till
  redis.call('HSET', budget, 's:' .. slot, till)
end

for _, told in ipairs(asked.counted) do
  keep(told[1], math.max(slots[told[1]] or 0, now + told[2]))
end
for _, told in ipairs(asked.answered) do
  keep(told[1], now - told[2] + window)
end
for _, slot in ipairs(asked.returned) do
  slots[slot] = nil
  redis.call('HDEL', budget, 's:' .. slot)
end

waiting[me] = asked.waits
waiting[me].till = now + asked.patience
local used, ends, expected, growing = {}, 0, 0, 0
local latest = math.max(until_known, full, paused)
for slot, till in pairs(slots) do
  if till <= now then
    redis.call('HDEL', budget, 's:' .. slot)
  else
    used[#used + 1] = till
    latest = math.max(latest, till)
  end
end
table.sort(used)

local first
local function before(one, other)
  if one.claim ~= other.claim then return one.claim < other.claim end
  if one.behind ~= other.behind then return not one.behind end
  return one.rank < other.rank
end
for process, entry in pairs(waiting) do
  if entry.till <= now then
    redis.call('HDEL', budget, 'w:' .. process)
  else
    ends, growing = ends + entry.growing, growing + entry.growing
    expected = expected + entry.expected
    if entry.claim >= 0 and (not first or before(entry, waiting[first])) then first = process end
  end
end

-- What the most urgent call leaves to others: nothing if it is an end.
local leaves = 0
if first and waiting[first].claim > 0 then
  leaves = math.min(ends, asked.spare)
  if waiting[first].claim == 1 then leaves = math.min(1, math.floor(leaves / 2)) end
  leaves = math.min(math.max(leaves, expected), calls - 1)
end
local room = calls - #used - leaves
local held_until = math.max(full, paused)

local granted = first == me and room > 0 and held_until <= now and not lapsed
local wait = 0
if granted then
  local till = now + asked.deadline + window
  keep(asked.slot, till)
  used[#used + 1] = till
  latest = math.max(latest, till)
  waiting[me].claim = -1
elseif held_until > now then
  wait = held_until - now
elseif room <= 0 and used[1 - room] then
  wait = used[1 - room] - now
elseif first and first ~= me and (room > 0 or #asked.answered + #asked.returned > 0) then
  redis.call('PUBLISH', asked.channel .. first, asked.name)
end

redis.call('HSET', budget, 'of', of, 'w:' .. me, cjson.encode(waiting[me]))
redis.call('ZADD', known, latest, budget)
redis.call('ZREMRANGEBYSCORE', known, '-inf', '(' .. now)
redis.call('PEXPIRE', budget, latest - now + asked.deadline + 2 * asked.window)

local left = {}
for at, till in ipairs(used) do left[at] = till - now end
return cjson.encode({
  granted = granted, wait = wait, used = left, growing = growing, rate = rate(),
  generation = generation, lapsed = lapsed, time = now, of = of,
})
