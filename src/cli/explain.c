/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <unistd.h>

const char cli_explain_usage[] =
    "multisink explain E0203    why it happens, what was not harmed, what to do\n"
    "multisink explain 203      the same\n"
    "multisink explain          all codes\n"
    "\n"
    "  -j, --json   as JSON\n";

/* The pages are broken into lines where the catalogue's source is full; a line that ends earlier was
 * meant to end there. */
enum { FULL_LINE = 78 };

void explain_lines(const struct error_page *page, const char *line_end, struct buf *b)
{
    const char *text = page->page;

    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        buf_put(b, text, n);
        text += n;
        if (*text == '\0')
            break;
        buf_text(b, n >= FULL_LINE ? " " : line_end);
        text++;
    }
}

static void put_page(struct buf *b, const struct error_page *page, int width)
{
    struct buf lines;

    buf_init(&lines, MIB);
    explain_lines(page, "\n", &lines);
    buf_putf(b, "%s: ", page->code);
    cli_put_wrapped(b, page->title, 0, width);
    buf_text(b, "\n\n");
    cli_put_wrapped(b, buf_cstr(&lines), 0, width);
    buf_text(b, "\n");
    buf_done(&lines);
}

static void put_json(struct buf *b, const struct error_page *page)
{
    bool first = true;

    buf_text(b, "{");
    json_key(b, &first, "code");
    json_string(b, str_from(page->code));
    json_key(b, &first, "title");
    json_string(b, str_from(page->title));
    json_key(b, &first, "page");
    json_string(b, str_from(page->page));
    buf_text(b, "}\n");
}

static void put_all(struct buf *b, bool json)
{
    size_t count;
    const struct error_page *pages = error_pages(&count);

    for (size_t i = 0; i < count; i++) {
        if (json)
            put_json(b, &pages[i]);
        else
            buf_putf(b, "%s  %s\n", pages[i].code, pages[i].title);
    }
    if (!json)
        buf_text(b, "\nOne of them in full: multisink explain CODE\n");
}

/* The code nearest in number, which is nearest in topic: codes of one part stand together. */
static const struct error_page *nearest(const char *code)
{
    size_t count;
    const struct error_page *pages = error_pages(&count), *best = NULL;
    uint64_t number;
    int distance, best_distance = 100;

    code += code[0] == 'E' || code[0] == 'e' ? 1 : 0;
    if (!str_to_u64(str_from(code), &number) || number > 9999)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        distance = abs(pages[i].number - (int)number);
        if (distance < best_distance) {
            best = &pages[i];
            best_distance = distance;
        }
    }
    return best;
}

static int unknown_code(const char *code)
{
    const struct error_page *near = nearest(code);

    if (near != NULL)
        return cli_usage_fault(E_CLI_CODE, "explain",
                               "there is no code \"%s\"; the nearest is %s, %s", code, near->code,
                               near->title);
    return cli_usage_fault(E_CLI_CODE, "explain", "there is no code \"%s\"; codes look like E0203",
                           code);
}

int cli_explain(int argc, char **argv)
{
    const struct error_page *page = NULL;
    bool json = false;
    const struct cli_option options[] = {
        { "json", 'j', CLI_FLAG, &json },
        { NULL, 0, CLI_FLAG, NULL },
    };
    struct buf b;
    int count;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("explain", "it takes one code, not %d words", count);
    if (count == 1) {
        page = error_page_find(argv[1]);
        if (page == NULL)
            return unknown_code(argv[1]);
    }
    buf_init(&b, 4 * MIB);
    if (page == NULL)
        put_all(&b, json);
    else if (json)
        put_json(&b, page);
    else
        put_page(&b, page, cli_width(STDOUT_FILENO));
    return cli_finish(&b);
}
