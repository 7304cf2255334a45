"""What a harvest did: one line per file that is worth one, worst first, then per collection; as a table and as JSON."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

SIGNS = {"failed": "!", "unknown": "o", "guessed": "?", "skipped": "~", "missing": "-", "moved": ">", "stored": "+"}
ORDER = {what: number for number, what in enumerate(SIGNS)}


@dataclass(frozen=True, slots=True)
class Line:
    """One file or record. what: a key of SIGNS; path: relative to its root where it has one."""

    what: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """One collection that the harvest touched, as its rows say afterwards."""

    concept_id: str
    short_name: str
    version: str
    kind: str
    granules: int
    extent: list[float] | None
    start: str | None
    end: str | None
    variables: dict[str, int]
    chains: list[str]
    notes: list[str]


@dataclass(slots=True)
class HarvestReport:
    """Everything a harvest has to say. changes: how many records were added, updated, left alone, per kind."""

    lines: list[Line] = field(default_factory=list)
    collections: list[CollectionSummary] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    unchanged_files: int = 0
    refused: str = ""  # why nothing was done at all
    dry_run: bool = False

    def add(self, what: str, path: str, text: str) -> None:
        """One line more."""
        self.lines.append(Line(what, path, text))

    @property
    def failures(self) -> list[Line]:
        """Files and records that are not catalogued though they should be."""
        return [line for line in self.lines if line.what == "failed"]

    @property
    def exit_code(self) -> int:
        """0 all well; 1 some files failed; 2 nothing usable, wrong arguments, root gone."""
        if self.refused:
            return 2
        if not self.failures:
            return 0
        done = self.unchanged_files or any(count for count in self.changes.values())
        return 1 if done or any(line.what != "failed" for line in self.lines) else 2

    def document(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "exit_code": self.exit_code,
            "dry_run": self.dry_run,
            "refused": self.refused or None,
            "changes": dict(sorted(self.changes.items())),
            "unchanged_files": self.unchanged_files,
            "files": [asdict(line) for line in self._sorted()],
            "collections": [asdict(one) for one in self.collections],
            "notes": self.notes,
        }

    def table(self) -> str:
        """The report for people: files worst first, then collections, then one line of sums."""
        if self.refused:
            return f"nothing was harvested: {self.refused}"
        lines = [f"{SIGNS[line.what]} {_one_line(line.path)}  {line.text}" for line in self._sorted()]
        for one in self.collections:
            lines += ["", *_summary_lines(one)]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join([*lines, "", self.sums()]).lstrip("\n")

    def sums(self) -> str:
        """One line of numbers."""
        parts = [f"{count} {what}" for what, count in sorted(self.changes.items()) if count]
        parts += [f"{self.unchanged_files} files unchanged"] if self.unchanged_files else []
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        skipped = sum(line.what == "skipped" for line in self.lines)
        parts += [f"{skipped} skipped"] if skipped else []
        return ("dry run, nothing written: " if self.dry_run else "") + (", ".join(parts) or "nothing to do")

    def _sorted(self) -> list[Line]:
        return sorted(self.lines, key=lambda line: (ORDER[line.what], line.path))


def _summary_lines(one: CollectionSummary) -> Iterable[str]:
    extent = "no extent" if one.extent is None else " ".join(f"{value:g}" for value in one.extent)
    types = ", ".join(f"{count} {name}" for name, count in sorted(one.variables.items()))
    yield f"{one.short_name} v{one.version} ({one.concept_id}): {one.kind or 'record'}, {one.granules} granules"
    yield f"    {extent}; {one.start or 'no time'} to {one.end or 'now'}; variables: {types or 'none'}"
    yield f"    associated chains: {', '.join(one.chains) or 'download only'}"
    yield from (f"    {note}" for note in one.notes)


def _one_line(path: str) -> str:
    """A name may hold newlines: one file, one line."""
    return path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
