"""Genuine evidence (PGVOUCH_VECTORS), and what is expected of it."""

import os
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
VECTORS = Path(os.environ.get("PGVOUCH_VECTORS") or TOP.parent / "shared/vectors")
TOKENS = VECTORS / "other/tokens"
AT = "2026-01-01T00:00:00Z"  # when most of the certificates are valid

needs_vectors = pytest.mark.skipif(not (VECTORS / "expect.tsv").exists(),
                                   reason="genuine vectors are not here: set PGVOUCH_VECTORS")
needs_tokens = pytest.mark.skipif(not TOKENS.exists(), reason="genuine CoRIMs are not here: set PGVOUCH_VECTORS")


def expectations():
    if not (VECTORS / "expect.tsv").exists():
        return [pytest.param(None, marks=needs_vectors)]
    heading, *lines = (VECTORS / "expect.tsv").read_text().splitlines()
    rows = [dict(zip(heading.split("\t"), line.split("\t"))) for line in lines]
    return [pytest.param(row, id=f"{row['name']}-{row['at'][:4]}") for row in rows]


def genuine(name):
    """The folder of a report, and the kind of its key."""
    folder = VECTORS / "snp" / name
    kind = "vcek" if (folder / "vcek.der").exists() else "vlek"
    return folder, kind
