"""What is asked of the swath subsetter, in its own words: the fields of the operation that it reads.

Obeys transformers-l2.md 2 and 4.6 of the project's contracts; all subsets are combined (decisions.md 3.5).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers.contract import BoundingBox, DimensionSubset, Input, Instructions, TemporalRange
from transformers.formats.layout import VariableInfo

GLOBE = BoundingBox(-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True)
class SwathRequest:
    """box is the whole globe when none was asked for: pixels without a position are removed all the same.

    variables: paths as asked, empty for all; names: what the request calls them. coordinates: subtype (LATITUDE,
    LONGITUDE, TIME) -> paths given by the request. cut: crop columns too.
    """

    box: BoundingBox
    point: tuple[float, float] | None
    shape: Path | None
    temporal: TemporalRange | None
    variables: tuple[str, ...]
    names: tuple[str, ...]
    coordinates: Mapping[str, tuple[str, ...]]
    dimensions: tuple[DimensionSubset, ...]
    cut: bool
    pixel_subset: bool
    layout: Mapping[str, Any]

    @property
    def only_variable(self) -> str | None:
        """The name of the one requested variable, for the output's name."""
        return self.names[0] if len(self.names) == 1 else None


def request_of(instructions: Instructions, one: Input) -> SwathRequest:
    """The request as it concerns one input."""
    source = instructions.source_of(one)
    given: dict[str, tuple[str, ...]] = {}
    for variable in source.coordinate_variables:
        if variable.type and variable.subtype:
            given[variable.subtype.upper()] = (*given.get(variable.subtype.upper(), ()), variable.full_path)
    cut = instructions.extra.get("cut")
    return SwathRequest(
        box=instructions.bounding_box or GLOBE,
        point=instructions.point,
        shape=instructions.shape_path,
        temporal=instructions.temporal,
        variables=tuple(v.full_path or v.name for v in source.variables),
        names=tuple(v.name or v.full_path for v in source.variables),
        coordinates=given,
        dimensions=instructions.dimensions,
        cut=True if cut is None else bool(cut),
        pixel_subset=bool(instructions.pixel_subset),
        layout=source.layout,
    )


def matching(names: Iterable[str], variables: Mapping[str, VariableInfo]) -> list[str]:
    """Paths of the variables that were named, in the order of the names; unknown names are ignored.

    `__` means `/`, runs of `/` are one, a leading `/` may lack; case, blanks and underscores do not count.
    """
    known: dict[str, str] = {}
    for path in variables:
        known.setdefault(_plain(path), path)
    found = (known.get(_plain(name)) for name in names)
    return list(dict.fromkeys(path for path in found if path))


def _plain(name: str) -> str:
    path = re.sub("/+", "/", "/" + name.replace("__", "/"))
    return re.sub("[ _]", "", path).lower()
