# SPDX-License-Identifier: Apache-2.0
"""clang-format has nothing to change."""
import subprocess

from checks import source


def run(root):
    files = [str(p) for p in source.sources(root, "src", "tests", "bench")]
    result = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files], cwd=root,
                            capture_output=True, text=True)
    if result.returncode == 0:
        return []
    lines = [x.replace(f"{root}/", "") for x in result.stderr.splitlines() if "error:" in x]
    bad = sorted({x.split(":")[0] for x in lines})
    return [f"{name}: run clang-format-14 -i {name}" for name in bad] or [result.stderr]
