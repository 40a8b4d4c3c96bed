/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/str.h"

/* Near is what a slip of the finger makes of a name: about one edit in three characters. */
static bool is_near(unsigned distance, size_t name_n)
{
    return distance <= (name_n + 2) / 3 && distance < name_n;
}

const char *config_nearest(struct str name, const char *const *known, size_t known_count)
{
    const char *best = NULL;
    unsigned best_distance = ~0u;

    for (size_t i = 0; i < known_count; i++) {
        unsigned distance = str_distance(name, str_from(known[i]));

        if (distance < best_distance && is_near(distance, name.n)) {
            best = known[i];
            best_distance = distance;
        }
    }
    return best;
}
