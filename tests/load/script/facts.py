"""Writes what changelogs tell of vulnerabilities, as the scanner's database is made of it."""

import gzip
import sys
from pathlib import Path

from mnist_pipeline.gates import advisories, changelogs

folder, known, output = map(Path, sys.argv[1:])
found = {
    path.stem: gzip.decompress(path.read_bytes()).decode(errors="replace")
    for path in folder.glob("*.gz")
}
told = advisories.facts(changelogs.all_fixes(found), advisories.curated(known.read_text()))
output.write_text(told)
