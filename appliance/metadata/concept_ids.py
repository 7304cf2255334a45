"""Concept ids, computed from what a record is called, so that the same inputs give the same ids on every machine.

Pure; whether a number is taken is asked of the caller. Obeys the catalog's contract, "Identity".
"""

import hashlib
import re
from collections.abc import Callable

LETTERS = {"collection": "C", "granule": "G", "variable": "V", "service": "S", "grid": "GRD", "tag": "T"}
SMALLEST = 8_000_000_000_000_000  # ids of real catalogues have at most 12 digits; below 2**53: floats sort them right
SPAN = 10**15
PROVIDER = re.compile(r"[A-Z][A-Z0-9_]{0,19}")
CONCEPT_ID = re.compile(r"([A-Z]{1,4})(\d+)-([A-Za-z0-9_]+)")
DATA_EXTENSION = re.compile(r"\.(nc|nc4|h5|hdf5|he5|hdf|tif|tiff|zip)$", re.IGNORECASE)


def concept_id(kind: str, provider: str, native_id: str, is_taken: Callable[[str], bool] | None = None) -> str:
    """The id of a record; `is_taken` says whether another record holds a candidate, which is then passed over."""
    letter = LETTERS[kind]
    attempt = 0
    while True:
        suffix = f"\0{attempt}" if attempt else ""
        digest = hashlib.sha256(f"{letter}\0{provider}\0{native_id}{suffix}".encode()).digest()
        candidate = f"{letter}{SMALLEST + int.from_bytes(digest[:8], 'big') % SPAN}-{provider}"
        if is_taken is None or not is_taken(candidate):
            return candidate
        attempt += 1


def concept_number(identifier: str) -> int:
    """The digits of an id, by which results are ordered; 0 for an id that has none."""
    match = CONCEPT_ID.fullmatch(identifier)
    # SQLite's integers end at 2**63; an id longer than that is no catalogue's, and only its place in the order suffers.
    return min(int(match[2]), 2**62) if match else 0


def provider_of(identifier: str) -> str:
    """The provider in an id, or an empty text."""
    match = CONCEPT_ID.fullmatch(identifier)
    return match[3] if match else ""


def collection_native_id(short_name: str, version: str) -> str:
    """`<short name>.<version>`"""
    return f"{short_name}.{version}"


def granule_ur_of(file_name: str) -> str:
    """File name without its last data extension, any case."""
    return DATA_EXTENSION.sub("", file_name) or file_name
