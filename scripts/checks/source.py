# SPDX-License-Identifier: Apache-2.0
"""What the checks share: which files there are, their includes, and their text without comments."""
import functools
import re
import subprocess

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


@functools.lru_cache(maxsize=None)
def tracked(root):
    """Files of the repository, and new ones that are not ignored, that are on the disk."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                         capture_output=True, text=True).stdout
    return sorted(root / line for line in out.splitlines() if (root / line).is_file())


def sources(root, *folders, ends=(".c", ".h")):
    """Files below any of the folders with one of those endings."""
    return [p for p in tracked(root)
            if p.suffix in ends and any(p.is_relative_to(root / f) for f in folders)]


def includes(path):
    """(line, '<' or '"', name) of each include."""
    text = path.read_text(encoding="utf-8")
    return [(text.count("\n", 0, m.start(2)) + 1, m.group(1), m.group(2))
            for m in INCLUDE.finditer(text)]


def code_only(text):
    """The text with comments and the insides of literals blanked; lines stay where they are."""
    def blank(match):
        token = match.group(0)
        keep = token[0] if token[0] in "\"'" else " "
        return keep + re.sub(r"[^\n]", " ", token[1:-1]) + keep if len(token) > 1 else token
    return TOKENS.sub(blank, text)


def where(root, path, line=None):
    """path:line as a reader would type it."""
    name = str(path.relative_to(root))
    return name if line is None else f"{name}:{line}"
