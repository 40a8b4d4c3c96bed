# SPDX-License-Identifier: Apache-2.0
"""The generated pages are what the program of this very tree writes."""
import subprocess

PAGES = {"docs/configuration.md": ["docs", "configuration"], "docs/errors.md": ["docs", "errors"]}


def run(root):
    built = subprocess.run(["scripts/build", "release"], cwd=root, capture_output=True, text=True)
    if built.returncode != 0:
        return [f"cannot build the program that writes them: {built.stderr.strip()[:300]}"]
    faults = []
    for page, words in PAGES.items():
        result = subprocess.run(["build/release/multisink", *words], cwd=root, capture_output=True, text=True)
        if result.returncode != 0 or not result.stdout:
            faults.append(f"{page}: `multisink {' '.join(words)}` failed: {result.stderr.strip()[:200]}")
            continue
        path = root / page
        if not path.is_file() or path.read_text(encoding="utf-8") != result.stdout:
            faults.append(f"{page} is stale: build/release/multisink {' '.join(words)} > {page}")
    return faults
