/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis runs a script as one unit: nobody sees or interrupts half of it, its effects go to the
 * append-only file and to replicas as one MULTI/EXEC, and an incomplete one is cut off when the file is
 * read. So commands, the list of refused commands and the position come and go together, in a crash and
 * in a failover too. What a script cannot do is take back what it has written. Hence the order:
 *
 *   1. Read only: the fence is ours, the stored position is the one that the batch continues.
 *   2. The first write sets the position to the value it has. Redis checks memory (OOM), role
 *      (READONLY), disk (MISCONF) and replicas (NOREPLICAS) before a script's first write, and memory is
 *      measured when the script starts: if the server cannot take writes, this harmless one is refused
 *      and the script ends with nothing done. Such an answer never becomes a rejected command.
 *   3. Commands, each under pcall. One that is refused has changed nothing; it goes with its error into
 *      the hash of rejects, and later commands of the same row go there as waiting.
 *   4. The new position, and the answer.
 *
 * Servers before 7.0 look at the disk's state before every write, so there an error of the second kind
 * may still come in step 3. If nothing was written before it, the script ends as in step 2; else the
 * answer is TORN and the sink stops: neither applying nor parking could be recorded any more.
 *
 * Fence: "<number>:<instance>". Opening takes the next number. A server that lost its last second may
 * have an older number; then ours is written again. The instance tells two processes apart that got the
 * same number because of such a loss.
 *
 * Rejects: hash of id -> "E<error>" (refused) or "W" (waiting). An entry goes when the command is
 * replayed, in the same script, or forgotten; so a replay that finds none knows that it was done.
 *
 * KEYS  1 fence   2 position   3 rejects
 */
#include "sink/redis_script.h"

#include <stddef.h>

/* True when somebody newer has the fence; *renew when it must be written again. */
#define LUA_FENCE                                                                                  \
    "local function fenced(mine)\n"                                                                \
    "  local now = redis.call('GET', KEYS[1])\n"                                                   \
    "  if now == mine then return false, false end\n"                                              \
    "  local n = tonumber(string.match(now or '', '^(%d+):') or '0')\n"                            \
    "  if n >= tonumber(string.match(mine, '^(%d+):')) then return true, false end\n"              \
    "  return false, true\n"                                                                       \
    "end\n"

/* Runs the commands of ARGV from `at` on. One control byte per command in `counts` is its number of
 * arguments; 0: one argument follows, the reason why it cannot be run at all. keys: 8 bytes per command;
 * ids: 36 bytes per command; held: one byte per command, '1' = goes to the rejects as waiting, or empty.
 * Gives the list of rejects {number, text, ...}, or nil, error and whether anything was written. */
#define LUA_RUN                                                                                    \
    "local server = {OOM=1, READONLY=1, MISCONF=1, NOREPLICAS=1, LOADING=1, MASTERDOWN=1,\n"       \
    "  BUSY=1, TRYAGAIN=1, CLUSTERDOWN=1}\n"                                                       \
    "local function text_of(e)\n"                                                                  \
    "  return (string.gsub(string.gsub(e, '^@user_script: ?%d+: ', ''), '^%-', ''))\n"             \
    "end\n"                                                                                        \
    "local function run(counts, keys, ids, held, at)\n"                                            \
    "  local parked = nil\n"                                                                       \
    "  if held ~= '' then parked = {} end\n"                                                       \
    "  local rejects, wrote = {}, false\n"                                                         \
    "  for k = 1, #counts do\n"                                                                    \
    "    local n = string.byte(counts, k)\n"                                                       \
    "    local bad\n"                                                                              \
    "    if n == 0 then bad = 'E' .. ARGV[at]; n = 1\n"                                            \
    "    elseif parked and (parked[string.sub(keys, k * 8 - 7, k * 8)] or\n"                       \
    "        string.byte(held, k) == 49) then bad = 'W'\n"                                         \
    "    else\n"                                                                                   \
    "      local r = redis.pcall(unpack(ARGV, at, at + n - 1))\n"                                  \
    "      if type(r) == 'table' and r.err then\n"                                                 \
    "        local e = text_of(r.err)\n"                                                           \
    "        if server[string.match(e, '^%u+')] then return nil, e, wrote end\n"                   \
    "        bad = 'E' .. string.sub(e, 1, 400)\n"                                                 \
    "      else wrote = true end\n"                                                                \
    "    end\n"                                                                                    \
    "    if bad then\n"                                                                            \
    "      local id = string.sub(ids, k * 36 - 35, k * 36)\n"                                      \
    "      local h = redis.pcall('HSET', KEYS[3], id, bad)\n"                                      \
    "      if type(h) == 'table' and h.err then return nil, text_of(h.err), wrote end\n"           \
    "      parked = parked or {}\n"                                                                \
    "      parked[string.sub(keys, k * 8 - 7, k * 8)] = true\n"                                    \
    "      rejects[#rejects + 1] = k\n"                                                            \
    "      rejects[#rejects + 1] = bad\n"                                                          \
    "      wrote = true\n"                                                                         \
    "    end\n"                                                                                    \
    "    at = at + n\n"                                                                            \
    "  end\n"                                                                                      \
    "  return rejects\n"                                                                           \
    "end\n"

/* ARGV: 1 instance. Takes the next number of the fence. */
static const char open_text[] =
    "local n = tonumber(string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):') or '0') + 1\n"
    "local mine = string.format('%d:%s', n, ARGV[1])\n"
    "redis.call('SET', KEYS[1], mine)\n"
    "return mine\n";

/* ARGV: 1 fence   2 position. Sets the position where there is none. */
static const char start_text[] = LUA_FENCE "if (fenced(ARGV[1])) then return {'FENCED'} end\n"
                                           "local now = redis.call('GET', KEYS[2])\n"
                                           "if now then return {'POSITION', now} end\n"
                                           "redis.call('SET', KEYS[2], ARGV[2])\n"
                                           "return {'OK'}\n";

/* ARGV: 1 fence   2 expected position   3 new position   4 counts   5 keys   6 ids   7 held
 *       8... arguments */
static const char batch_text[] =
    LUA_FENCE LUA_RUN "local taken, renew = fenced(ARGV[1])\n"
                      "if taken then return {'FENCED'} end\n"
                      "local now = redis.call('GET', KEYS[2])\n"
                      "if now ~= ARGV[2] then return {'POSITION', now or ''} end\n"
                      "redis.call('HLEN', KEYS[3])\n"
                      "local first = redis.pcall('SET', KEYS[2], now)\n"
                      "if first.err then return {'REFUSED', text_of(first.err)} end\n"
                      "if renew then redis.call('SET', KEYS[1], ARGV[1]) end\n"
                      "local rejects, failed, wrote = run(ARGV[4], ARGV[5], ARGV[6], ARGV[7], 8)\n"
                      "if not rejects then return {wrote and 'TORN' or 'REFUSED', failed} end\n"
                      "redis.call('SET', KEYS[2], ARGV[3])\n"
                      "return {'OK', rejects}\n";

/* ARGV: 1 fence   2 id of the parked record   3 counts   4 keys   5 ids   6... arguments
 * The entry stays when the record's own command is refused again. */
static const char replay_text[] = LUA_FENCE LUA_RUN
    "local taken, renew = fenced(ARGV[1])\n"
    "if taken then return {'FENCED'} end\n"
    "local entry = redis.call('HGET', KEYS[3], ARGV[2])\n"
    "if not entry then return {'GONE'} end\n"
    "local first = redis.pcall('HSET', KEYS[3], ARGV[2], entry)\n"
    "if type(first) == 'table' and first.err then return {'REFUSED', text_of(first.err)} end\n"
    "if renew then redis.call('SET', KEYS[1], ARGV[1]) end\n"
    "local rejects, failed, wrote = run(ARGV[3], ARGV[4], ARGV[5], '', 6)\n"
    "if not rejects then return {wrote and 'TORN' or 'REFUSED', failed} end\n"
    "local again = false\n"
    "for i = 1, #rejects, 2 do\n"
    "  local k = rejects[i]\n"
    "  again = again or string.sub(ARGV[5], k * 36 - 35, k * 36) == ARGV[2]\n"
    "end\n"
    "if not again then redis.call('HDEL', KEYS[3], ARGV[2]) end\n"
    "return {'OK', rejects}\n";

static const char *const texts[REDIS_SCRIPT_COUNT] = {
    [REDIS_SCRIPT_OPEN] = open_text,
    [REDIS_SCRIPT_START] = start_text,
    [REDIS_SCRIPT_BATCH] = batch_text,
    [REDIS_SCRIPT_REPLAY] = replay_text,
};

const char *redis_script_text(enum redis_script which)
{
    return texts[which];
}
