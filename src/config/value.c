/* SPDX-License-Identifier: Apache-2.0 */
/* One scalar, or list of them, into one typed field. */
#include "config/keys.h"
#include "config/units.h"

#include <inttypes.h>

static const char *kind_name(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_SCALAR:
        return "a single value";
    case CONFIG_LIST:
        return "a list";
    case CONFIG_MAP:
        return "a map";
    }
    return "something else";
}

static bool wrong_kind(const struct config_node *node, const struct config_key *key,
                       const char *wanted, struct config_report *rep)
{
    config_fault(rep, node, E_CONFIG_TYPE, "\"%s\" expects %s, not %s", key->name, wanted,
                 kind_name(node->kind));
    return false;
}

static bool has_nul(const struct config_node *node, struct config_report *rep)
{
    if (node->text.n == 0 || memchr(node->text.p, '\0', node->text.n) == NULL)
        return false;
    config_fault(rep, node, E_CONFIG_VALUE, "a text with a NUL character cannot be used");
    return true;
}

static bool parse_text(const struct config_node *node, const struct config_key *key,
                       const char **field, struct config_report *rep)
{
    if (has_nul(node, rep))
        return false;
    if (node->text.n == 0 && key->required) {
        config_fault(rep, node, E_CONFIG_EMPTY, "\"%s\" must not be empty", key->name);
        return false;
    }
    *field = node->text.p;
    return true;
}

static bool parse_bool(const struct config_node *node, const struct config_key *key, bool *field,
                       struct config_report *rep)
{
    bool yes = str_is(node->text, "true");

    if (!yes && !str_is(node->text, "false")) {
        config_fault(rep, node, E_CONFIG_VALUE, "\"%s\" is true or false, not \"%s\"", key->name,
                     config_shown(rep, node));
        return false;
    }
    *field = yes;
    return true;
}

static bool in_range(const struct config_key *key, int64_t value)
{
    if (key->min == 0 && key->max == 0)
        return value >= 0;
    return value >= key->min && value <= key->max;
}

static bool parse_int(const struct config_node *node, const struct config_key *key, int64_t *field,
                      struct config_report *rep)
{
    struct str digits = node->text;
    int64_t value;

    if (digits.n > 0 && digits.p[0] == '-')
        digits = str_make(digits.p + 1, digits.n - 1);
    for (size_t i = 0; i < digits.n || i == 0; i++) {
        if (i < digits.n && digits.p[i] >= '0' && digits.p[i] <= '9')
            continue;
        config_fault(rep, node, E_CONFIG_VALUE, "\"%s\" expects an integer in digits, not \"%s\"",
                     key->name, config_shown(rep, node));
        return false;
    }
    if (!str_to_i64(node->text, &value) || !in_range(key, value)) {
        if (key->min == 0 && key->max == 0)
            config_fault(rep, node, E_CONFIG_RANGE, "\"%s\" is an integer from 0 up, not %s",
                         key->name, config_shown(rep, node));
        else
            config_fault(rep, node, E_CONFIG_RANGE,
                         "\"%s\" is an integer from %" PRId64 " to %" PRId64 ", not %s", key->name,
                         key->min, key->max, config_shown(rep, node));
        return false;
    }
    *field = value;
    return true;
}

static bool unit_fault(const struct config_node *node, const struct config_key *key,
                       enum config_units units, enum config_unit_fault fault,
                       struct config_report *rep)
{
    const char *what = units == CONFIG_UNITS_TIME ? "duration" : "size";
    const char *example =
        units == CONFIG_UNITS_TIME ? "500ms, 10s or 7d" : "64KiB, 512MiB or 20GiB";
    const char *shown = config_shown(rep, node);

    switch (fault) {
    case CONFIG_UNIT_OK:
        return true;
    case CONFIG_UNIT_NO_NUMBER:
        config_fault(rep, node, E_CONFIG_UNIT,
                     "\"%s\" expects a %s, a whole number and a unit as in %s, not \"%s\"",
                     key->name, what, example, shown);
        break;
    case CONFIG_UNIT_MISSING:
        config_fault(rep, node, E_CONFIG_UNIT, "the %s \"%s\" has no unit; the units are %s", what,
                     shown, config_unit_names(units));
        break;
    case CONFIG_UNIT_UNKNOWN:
        config_fault(rep, node, E_CONFIG_UNIT,
                     "the %s \"%s\" has an unknown unit; the units are %s", what, shown,
                     config_unit_names(units));
        break;
    case CONFIG_UNIT_OVERFLOW:
        config_fault(rep, node, E_CONFIG_RANGE, "the %s %s is too large", what, shown);
        break;
    }
    return false;
}

static bool parse_unit(const struct config_node *node, const struct config_key *key,
                       enum config_units units, int64_t *field, struct config_report *rep)
{
    char low[CONFIG_UNIT_TEXT], high[CONFIG_UNIT_TEXT];
    int64_t value = 0;

    if (!unit_fault(node, key, units, config_unit_parse(units, node->text, &value), rep))
        return false;
    if (!in_range(key, value)) { /* never below zero: there is no sign */
        config_fault(rep, node, E_CONFIG_RANGE, "\"%s\" is from %s to %s, not %s", key->name,
                     config_unit_format(units, key->min, low),
                     config_unit_format(units, key->max, high), config_shown(rep, node));
        return false;
    }
    *field = value;
    return true;
}

static bool parse_choice(const struct config_node *node, const struct config_key *key, int *field,
                         struct config_report *rep)
{
    size_t count = 0;

    for (; key->choices[count] != NULL; count++) {
        if (str_is(node->text, key->choices[count])) {
            *field = (int)count;
            return true;
        }
    }
    config_fault_known(rep, node, E_CONFIG_CHOICE, node->secret ? STR("") : node->text,
                       key->choices, count, "\"%s\" cannot be \"%s\"", key->name,
                       config_shown(rep, node));
    return false;
}

static bool parse_strings(const struct config_node *node, const struct config_key *key,
                          struct config_strings *field, struct config_report *rep)
{
    size_t count = node->kind == CONFIG_LIST ? node->count : 1;
    struct arena *a = rep->arena;
    const struct config_node **nodes = arena_zalloc(a, count, sizeof(struct config_node *));
    const char **items = arena_zalloc(a, count, sizeof *items);
    bool ok = true;

    if (node->kind == CONFIG_MAP)
        return wrong_kind(node, key, "a text or a list of texts", rep);
    if (count == 0 && key->required) {
        config_fault(rep, node, E_CONFIG_EMPTY, "\"%s\" must name at least one", key->name);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        nodes[i] = node->kind == CONFIG_LIST ? node->items[i] : node;
        if (nodes[i]->kind != CONFIG_SCALAR || config_is_null(nodes[i]))
            ok = wrong_kind(nodes[i], key, "texts in its list", rep);
        else if (nodes[i]->unresolved || has_nul(nodes[i], rep))
            ok = false;
        else
            items[i] = nodes[i]->text.p;
    }
    if (ok)
        *field = (struct config_strings){ count, items, nodes };
    return ok;
}

static bool parse_scalar(const struct config_node *node, const struct config_key *key, void *field,
                         struct config_report *rep)
{
    int64_t size = 0;

    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_SECRET:
        return parse_text(node, key, field, rep);
    case CONFIG_BOOL:
        return parse_bool(node, key, field, rep);
    case CONFIG_INT:
        return parse_int(node, key, field, rep);
    case CONFIG_DURATION:
        return parse_unit(node, key, CONFIG_UNITS_TIME, field, rep);
    case CONFIG_SIZE:
        if (!parse_unit(node, key, CONFIG_UNITS_SIZE, &size, rep))
            return false;
        *(uint64_t *)field = (uint64_t)size;
        return true;
    case CONFIG_CHOICE:
        return parse_choice(node, key, field, rep);
    case CONFIG_STRINGS:
    case CONFIG_GROUP:
    case CONFIG_CUSTOM:
        break;
    }
    return false;
}

bool config_parse_value(const struct config_node *node, const struct config_key *key, void *field,
                        struct config_report *rep)
{
    if (node->unresolved)
        return false;
    if (key->type == CONFIG_STRINGS)
        return parse_strings(node, key, field, rep);
    if (node->kind != CONFIG_SCALAR)
        return wrong_kind(node, key, "a single value", rep);
    if (key->type == CONFIG_SECRET && !node->secret)
        config_mask(rep, node);
    return parse_scalar(node, key, field, rep);
}
