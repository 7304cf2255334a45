"""How the variables of a file refer to each other, and what kind each is, by the CF conventions.

Pure: names and attributes only. `Relations` also takes what is known of a collection but not written in its files
(`layout`). Obeys transformers-l3.md 2.3 and 2.4 of the project's contracts; CF 1.11, sections 2 to 7.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from transformers.contract import NoData, NoRetry
from transformers.formats.layout import VariableInfo, join, parent_of

REFERENCES = (
    "ancillary_variables", "bounds", "cell_measures", "coordinates", "geometry", "grid_mapping", "interior_ring",
    "node_coordinates", "node_count", "nodes", "part_node_count", "subset_control_variables",
)  # fmt: skip
NORTH = frozenset({"degrees_north", "degree_north", "degrees_N", "degree_N", "degreesN", "degreeN"})
EAST = frozenset({"degrees_east", "degree_east", "degrees_E", "degree_E", "degreesE", "degreeE"})
_FAKE = re.compile(r".*/FakeDim\d+")


class Relations:
    """The variables of one file, with what `layout` adds: `attributes` (a list of {variables: pattern, set: {...}}),
    `grid_mappings` ({path: attributes} of variables that are not in the file), `excluded_variables`,
    `required_variables` (patterns). Patterns match from the start of the path.
    """

    def __init__(self, variables: Mapping[str, VariableInfo], layout: Mapping[str, Any]) -> None:
        self.variables = variables
        self.layout = layout
        self._attributes: dict[str, dict[str, Any]] = {}

    def attributes(self, path: str) -> Mapping[str, Any]:
        """Attributes of a variable, with those of the layout: patterns with fewer slashes first, then shorter ones;
        later ones win. A variable that only the layout knows has those of `grid_mappings`."""
        if path not in self._attributes:
            info = self.variables.get(path)
            merged = dict(info.attributes) if info else {}
            entries = self.layout.get("attributes") or ()
            for entry in sorted(entries, key=lambda e: (e["variables"].count("/"), len(e["variables"]))):
                if re.match(entry["variables"], path):
                    merged |= entry["set"]
            self._attributes[path] = merged | dict((self.layout.get("grid_mappings") or {}).get(path, {}))
        return self._attributes[path]

    def text(self, path: str, name: str) -> str:
        """An attribute as text, blank where absent; several strings joined by blanks."""
        value = self.attributes(path).get(name, "")
        if isinstance(value, np.ndarray | list | tuple):
            return " ".join(_text(v) for v in np.asarray(value, object).reshape(-1))
        return _text(value)

    def references(self, path: str, names: Iterable[str] = REFERENCES) -> list[str]:
        """Paths that the named attributes of a variable say, in order, whether they exist or not."""
        found = []
        for name in names:
            for word in re.split(r"\s*,\s+|\s+", self.text(path, name).strip()):
                if word.rstrip(":"):
                    found.append(resolve(word.rstrip(":"), parent_of(path)))
        return list(dict.fromkeys(found))

    def is_latitude(self, path: str) -> bool:
        """By its units, and by nothing else."""
        return self.text(path, "units").strip() in NORTH

    def is_longitude(self, path: str) -> bool:
        """By its units, and by nothing else."""
        return self.text(path, "units").strip() in EAST

    def is_projected(self, path: str, axis: str) -> bool:
        """A map coordinate along `x` or `y`."""
        allowed = (f"projection_{axis}_coordinate", f"projection_{axis}_angular_coordinate")
        return self.text(path, "standard_name").strip() in allowed

    def is_temporal(self, path: str) -> bool:
        """Counted since some instant."""
        return " since " in self.text(path, "units")

    def excluded(self, path: str) -> bool:
        """The layout says that this variable cannot be served."""
        return any(re.match(pattern, path) for pattern in self.layout.get("excluded_variables") or ())

    def required(self, requested: Iterable[str], *, everything: bool) -> list[str]:
        """The requested variables with all they refer to, in the order of the file.

        everything: nothing was requested and no range either: the whole file. Nothing requested but a range: all
        science and metadata variables. Raises NoRetry for excluded, NoData for absent ones.
        """
        wanted = ["/" + name.strip("/") for name in requested]
        refused = [p for p in wanted if p in self.variables and self.excluded(p)]
        if refused:
            names = ", ".join(refused)
            raise NoRetry(f"Some variables requested are not supported and could not be processed: {names}")
        absent = sorted(p for p in wanted if p not in self.variables)
        if absent:
            listed = ", ".join(f"'{p}'" for p in absent)
            raise NoData(f"Requested variables:{{{listed}}} not found in granule")
        if not wanted:
            if everything:
                return list(self.variables)
            wanted = self._science_and_metadata()
        always = self.layout.get("required_variables") or ()
        return self._closure([*wanted, *(p for p in self.variables if any(re.match(a, p) for a in always))])

    def _closure(self, paths: Iterable[str]) -> list[str]:
        waiting, found = list(paths), set()
        while waiting:
            path = waiting.pop()
            if path in found or path not in self.variables or _FAKE.fullmatch(path):
                continue
            found.add(path)
            waiting += [*self.variables[path].dims, *self.references(path)]
        return [p for p in self.variables if p in found]

    def _science_and_metadata(self) -> list[str]:
        """All but what only serves others; those follow by their references."""
        referred = {r for p in self.variables for r in self.references(p)}
        referred |= {d for p, info in self.variables.items() for d in info.dims if d != p}
        return [p for p in self.variables if p not in referred and not p.endswith("_bnds") and not self.excluded(p)]


def resolve(reference: str, group: str) -> str:
    """A reference as a path: `/x` is absolute, `../x` and `./x` relative to the group, a bare name is in the group."""
    if reference.startswith("/"):
        return reference
    while reference.startswith(("./", "../")):
        if reference.startswith("../"):
            group = parent_of(group)
        reference = reference.split("/", 1)[1]
    return join(group, reference)


def names_of(paths: Iterable[str]) -> str:
    """A set of paths as the archive's messages write it."""
    return "{" + ", ".join(f"'{p}'" for p in sorted(paths)) + "}"


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
