# SPDX-License-Identifier: Apache-2.0
"""Functions that are not used here, each with what is used instead."""
import re

from checks import source

BANNED = {
    "strcpy": "buf_put or memcpy with a length",
    "strcat": "buf_put",
    "sprintf": "buf_putf or snprintf",
    "vsprintf": "buf_putf or vsnprintf",
    "strncpy": "memcpy with a length",
    "strncat": "buf_put",
    "strtok": "str_find (base/str.h)",
    "atoi": "str_to_i64 (base/str.h)",
    "atol": "str_to_i64 (base/str.h)",
    "strtol": "str_to_i64 (base/str.h)",
    "strtoll": "str_to_i64 (base/str.h)",
    "strtoul": "str_to_u64 (base/str.h)",
    "strtoull": "str_to_u64 (base/str.h)",
    "sscanf": "rd (base/rd.h) or base/str.h",
    "gets": "rd (base/rd.h)",
    "alloca": "an arena",
    "signal": "sigaction or signalfd",
    "usleep": "a wait with a deadline (base/wake.h)",
    "malloc": "mem_zalloc (base/mem.h)",
    "calloc": "mem_zalloc (base/mem.h)",
    "realloc": "mem_resize (base/mem.h)",
    "strdup": "mem_strdup (base/mem.h)",
    "strndup": "mem_strndup (base/mem.h)",
    "open": "file_ops (base/file.h)",
    "read": "file_ops (base/file.h) or net.h",
}
# The rooms that these functions are made safe in.
WITHIN = ("src/base/", "src/net/")
# Single places that are right as they are: (file, function) -> why.
ALLOWED = {
    ("src/pipeline/spool.c", "open"): "O_TMPFILE: a file without a name, which file_ops cannot express",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
# Notes to oneself belong into the tracker, and nobody speaks of how a line came to be.
NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def run(root):
    faults = []
    for path in source.sources(root, "src"):
        text = path.read_text(encoding="utf-8")
        rel = path.relative_to(root).as_posix()
        for n, line in enumerate(source.code_only(text).splitlines(), 1):
            if rel.startswith(WITHIN):
                break
            for match in CALL.finditer(line):
                if (rel, match.group(1)) in ALLOWED:
                    continue
                faults.append(f"{rel}:{n}: {match.group(1)}() is not used here; use {BANNED[match.group(1)]}")
        for n, line in enumerate(text.splitlines(), 1):
            if NOTES.search(line):
                faults.append(f"{rel}:{n}: a note to oneself: {line.strip()}")
    return faults
