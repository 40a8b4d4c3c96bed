/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring is one sorted array of (token, host). A placement holds, for every entry of it, the
 * replicas of the range that ends there, in a table of fixed width: a lookup is one binary search.
 *
 * NetworkTopologyStrategy, per data center: walk the ring from the token; the first host of each rack
 * is taken, a further host of a rack only while there are fewer racks than replicas wanted (Cassandra
 * 4.0, NetworkTopologyStrategy.DatacenterEndpoints). At most as many replicas as the data center has
 * hosts.
 */
#include "cql/ring.h"

#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
    int64_t token;
    uint32_t host;
};

struct member {
    uint32_t dc;   /* index into dcs */
    uint32_t rack; /* index over all data centers */
    bool owns;     /* at least one entry */
};

struct dc {
    char *name;
    uint32_t host_count; /* that own an entry */
    uint32_t rack_count; /* of those hosts */
};

struct rack {
    uint32_t dc;
    char *name;
    bool counted;
};

struct cql_ring {
    struct member *hosts;
    size_t host_count;
    struct dc *dcs;
    size_t dc_count;
    struct rack *racks;
    size_t rack_count;
    struct entry *entries;
    size_t entry_count;
    uint32_t owner_count; /* hosts that own an entry */
};

struct cql_ring_place {
    const struct cql_ring *ring;
    size_t width; /* replicas per entry */
    uint32_t *replicas;
};

/* ---- the ring ---------------------------------------------------------------------------------- */

static uint32_t intern_dc(struct cql_ring *ring, const char *name)
{
    for (size_t i = 0; i < ring->dc_count; i++) {
        if (strcmp(ring->dcs[i].name, name) == 0)
            return (uint32_t)i;
    }
    ring->dcs = mem_resize(ring->dcs, ring->dc_count + 1, sizeof *ring->dcs);
    ring->dcs[ring->dc_count] = (struct dc){ .name = mem_strdup(name) };
    return (uint32_t)ring->dc_count++;
}

static uint32_t intern_rack(struct cql_ring *ring, uint32_t dc, const char *name)
{
    for (size_t i = 0; i < ring->rack_count; i++) {
        if (ring->racks[i].dc == dc && strcmp(ring->racks[i].name, name) == 0)
            return (uint32_t)i;
    }
    ring->racks = mem_resize(ring->racks, ring->rack_count + 1, sizeof *ring->racks);
    ring->racks[ring->rack_count] = (struct rack){ .dc = dc, .name = mem_strdup(name) };
    return (uint32_t)ring->rack_count++;
}

static int entry_cmp(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;

    if (x->token != y->token)
        return x->token > y->token ? 1 : -1;
    return (x->host > y->host) - (x->host < y->host);
}

static void sort_entries(struct cql_ring *ring)
{
    size_t kept = 0;

    if (ring->entry_count == 0)
        return;
    qsort(ring->entries, ring->entry_count, sizeof *ring->entries, entry_cmp);
    for (size_t i = 1; i < ring->entry_count; i++) {
        if (ring->entries[i].token != ring->entries[kept].token)
            ring->entries[++kept] = ring->entries[i];
    }
    ring->entry_count = kept + 1;
}

/* Who counts as a member of a data center and a rack: a host that owns at least one entry. */
static void count_owners(struct cql_ring *ring)
{
    for (size_t i = 0; i < ring->entry_count; i++) {
        struct member *m = &ring->hosts[ring->entries[i].host];

        if (m->owns)
            continue;
        m->owns = true;
        ring->owner_count++;
        ring->dcs[m->dc].host_count++;
        if (!ring->racks[m->rack].counted)
            ring->dcs[m->dc].rack_count++;
        ring->racks[m->rack].counted = true;
    }
}

struct cql_ring *cql_ring_new(const struct cql_ring_host *hosts, size_t host_count)
{
    struct cql_ring *ring = mem_zalloc(1, sizeof *ring);
    size_t tokens = 0;

    assert(host_count <= LIMIT_CQL_HOSTS);
    ring->host_count = host_count;
    for (size_t i = 0; i < host_count; i++)
        tokens += hosts[i].token_count;
    ring->hosts = mem_zalloc(host_count, sizeof *ring->hosts);
    ring->entries = mem_zalloc(tokens, sizeof *ring->entries);
    for (size_t i = 0; i < host_count; i++) {
        ring->hosts[i].dc = intern_dc(ring, hosts[i].dc);
        ring->hosts[i].rack = intern_rack(ring, ring->hosts[i].dc, hosts[i].rack);
        for (size_t k = 0; k < hosts[i].token_count; k++)
            ring->entries[ring->entry_count++] = (struct entry){ hosts[i].tokens[k], (uint32_t)i };
    }
    sort_entries(ring);
    count_owners(ring);
    return ring;
}

void cql_ring_free(struct cql_ring *ring)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->dc_count; i++)
        free(ring->dcs[i].name);
    for (size_t i = 0; i < ring->rack_count; i++)
        free(ring->racks[i].name);
    free(ring->dcs);
    free(ring->racks);
    free(ring->hosts);
    free(ring->entries);
    free(ring);
}

/* The entry that owns a token: the first that is not below it, else the first of all. */
static size_t find_entry(const struct cql_ring *ring, int64_t token)
{
    size_t low = 0;
    size_t high = ring->entry_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ring->entries[mid].token < token)
            low = mid + 1;
        else
            high = mid;
    }
    return low < ring->entry_count ? low : 0;
}

uint32_t cql_ring_owner(const struct cql_ring *ring, int64_t token)
{
    return ring->entry_count > 0 ? ring->entries[find_entry(ring, token)].host : UINT32_MAX;
}

/* ---- placement --------------------------------------------------------------------------------- */

/* The state of one walk around the ring; `turn` marks what was seen in this one. */
struct walk {
    const struct cql_ring *ring;
    uint32_t turn;
    uint32_t *host_seen;
    uint32_t *rack_seen;
    uint32_t *wanted;  /* per data center, as configured but at most its hosts */
    uint32_t *left;    /* per data center, of this walk */
    uint32_t *repeats; /* per data center: hosts that may share a rack, of this walk */
    uint32_t *repeats_allowed;
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void walk_init(struct walk *w, const struct cql_ring *ring,
                      const struct cql_ring_replication *replication)
{
    *w = (struct walk){ .ring = ring };
    w->host_seen = mem_zalloc(ring->host_count, sizeof *w->host_seen);
    w->rack_seen = mem_zalloc(ring->rack_count, sizeof *w->rack_seen);
    w->wanted = mem_zalloc(ring->dc_count, sizeof *w->wanted);
    w->left = mem_zalloc(ring->dc_count, sizeof *w->left);
    w->repeats = mem_zalloc(ring->dc_count, sizeof *w->repeats);
    w->repeats_allowed = mem_zalloc(ring->dc_count, sizeof *w->repeats_allowed);
    for (size_t i = 0; i < ring->dc_count; i++) {
        for (uint32_t k = 0; k < replication->dc_count; k++) {
            uint32_t factor = replication->dcs[k].factor;
            uint32_t racks = ring->dcs[i].rack_count;

            if (strcmp(replication->dcs[k].name, ring->dcs[i].name) != 0)
                continue;
            w->wanted[i] = min_u32(factor, ring->dcs[i].host_count);
            w->repeats_allowed[i] = factor > racks ? factor - racks : 0;
        }
    }
}

static void walk_done(struct walk *w)
{
    free(w->host_seen);
    free(w->rack_seen);
    free(w->wanted);
    free(w->left);
    free(w->repeats);
    free(w->repeats_allowed);
}

/* Does the data center of the host still want it? Counts it when it does. */
static bool walk_takes(struct walk *w, const struct member *m)
{
    if (w->left[m->dc] == 0)
        return false;
    if (w->rack_seen[m->rack] == w->turn) {
        if (w->repeats[m->dc] == 0)
            return false;
        w->repeats[m->dc]--;
    }
    w->rack_seen[m->rack] = w->turn;
    w->left[m->dc]--;
    return true;
}

/* Replicas of the range that ends at entry `at`, NetworkTopologyStrategy. */
static void walk_network(struct walk *w, size_t at, uint32_t *ret_hosts, size_t width)
{
    const struct cql_ring *ring = w->ring;
    size_t n = 0;

    w->turn++;
    for (size_t i = 0; i < ring->dc_count; i++) {
        w->left[i] = w->wanted[i];
        w->repeats[i] = w->repeats_allowed[i];
    }
    for (size_t i = 0; i < ring->entry_count && n < width; i++) {
        uint32_t host = ring->entries[(at + i) % ring->entry_count].host;

        if (w->host_seen[host] == w->turn || !walk_takes(w, &ring->hosts[host]))
            continue;
        w->host_seen[host] = w->turn;
        ret_hosts[n++] = host;
    }
    assert(n == width);
}

/* The same, SimpleStrategy. */
static void walk_simple(struct walk *w, size_t at, uint32_t *ret_hosts, size_t width)
{
    const struct cql_ring *ring = w->ring;
    size_t n = 0;

    w->turn++;
    for (size_t i = 0; i < ring->entry_count && n < width; i++) {
        uint32_t host = ring->entries[(at + i) % ring->entry_count].host;

        if (w->host_seen[host] == w->turn)
            continue;
        w->host_seen[host] = w->turn;
        ret_hosts[n++] = host;
    }
    assert(n == width);
}

static size_t place_width(const struct cql_ring *ring, const struct walk *w,
                          const struct cql_ring_replication *replication)
{
    size_t width = 0;

    switch (replication->strategy) {
    case CQL_RING_SIMPLE:
        return min_u32(replication->factor, ring->owner_count);
    case CQL_RING_NETWORK:
        for (size_t i = 0; i < ring->dc_count; i++)
            width += w->wanted[i];
        return width;
    case CQL_RING_ANY:
        break;
    }
    return 0;
}

struct cql_ring_place *cql_ring_place(const struct cql_ring *ring,
                                      const struct cql_ring_replication *replication)
{
    struct cql_ring_place *place = mem_zalloc(1, sizeof *place);
    struct walk w;

    place->ring = ring;
    walk_init(&w, ring, replication);
    place->width = place_width(ring, &w, replication);
    place->replicas = mem_zalloc(ring->entry_count * place->width, sizeof *place->replicas);
    for (size_t i = 0; i < ring->entry_count && place->width > 0; i++) {
        uint32_t *hosts = place->replicas + i * place->width;

        if (replication->strategy == CQL_RING_SIMPLE)
            walk_simple(&w, i, hosts, place->width);
        else
            walk_network(&w, i, hosts, place->width);
    }
    walk_done(&w);
    return place;
}

void cql_ring_place_free(struct cql_ring_place *place)
{
    if (place == NULL)
        return;
    free(place->replicas);
    free(place);
}

size_t cql_ring_replicas(const struct cql_ring_place *place, int64_t token, uint32_t *ret_hosts,
                         size_t cap)
{
    size_t n = place->width < cap ? place->width : cap;

    if (place->ring->entry_count == 0 || n == 0)
        return 0;
    memcpy(ret_hosts, place->replicas + find_entry(place->ring, token) * place->width,
           n * sizeof *ret_hosts);
    return n;
}

/* ---- plan -------------------------------------------------------------------------------------- */

static bool is_local(const struct cql_ring *ring, uint32_t host, const char *local_dc)
{
    return local_dc == NULL || local_dc[0] == '\0' ||
           strcmp(ring->dcs[ring->hosts[host].dc].name, local_dc) == 0;
}

static bool contains(const uint32_t *hosts, size_t n, uint32_t host)
{
    for (size_t i = 0; i < n; i++) {
        if (hosts[i] == host)
            return true;
    }
    return false;
}

/* Appends local hosts that are not among the first n, beginning with number `turn`. */
static size_t append_others(const struct cql_ring *ring, const char *local_dc, uint32_t turn,
                            uint32_t *hosts, size_t n, size_t cap)
{
    size_t replicas = n;

    for (size_t i = 0; i < ring->host_count && n < cap; i++) {
        uint32_t host = (uint32_t)((turn + i) % ring->host_count);

        if (is_local(ring, host, local_dc) && !contains(hosts, replicas, host))
            hosts[n++] = host;
    }
    return n;
}

size_t cql_ring_plan(const struct cql_ring_place *place, int64_t token, const char *local_dc,
                     uint32_t turn, uint32_t *ret_hosts, size_t cap)
{
    const struct cql_ring *ring = place->ring;
    const uint32_t *replicas;
    size_t local = 0;
    size_t n = 0;

    if (ring->entry_count > 0 && place->width > 0) {
        replicas = place->replicas + find_entry(ring, token) * place->width;
        for (size_t i = 0; i < place->width; i++)
            local += is_local(ring, replicas[i], local_dc);
        /* The local replica number `turn` comes first, and the ones before it last. */
        for (size_t round = 0; round < 2 && local > 0; round++) {
            size_t seen = 0;

            for (size_t i = 0; i < place->width && n < cap && n < local; i++) {
                if (!is_local(ring, replicas[i], local_dc))
                    continue;
                if ((seen++ >= turn % local) == (round == 0))
                    ret_hosts[n++] = replicas[i];
            }
        }
    }
    return append_others(ring, local_dc, turn, ret_hosts, n, cap);
}

size_t cql_ring_plan_any(const struct cql_ring *ring, const char *local_dc, uint32_t turn,
                         uint32_t *ret_hosts, size_t cap)
{
    return append_others(ring, local_dc, turn, ret_hosts, 0, cap);
}
