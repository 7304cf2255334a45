"""Finding files: what a source of `harmonium harvest` names, walked, with size, time and inode. Opens nothing.

Hidden names and ignored patterns are left out; what cannot be a file of data (pipes, sockets, broken links, links that
lead outside) is told with its reason. Obeys the catalog's contract, "Sources".
"""

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from appliance.metadata.roots import checked_root, root_of

DATA = (".nc", ".nc4", ".h5", ".hdf5", ".he5", ".hdf", ".tif", ".tiff", ".zip", ".cdf", ".nc3")
RECORD = (".umm_json", ".json")
BROWSE = (".png", ".jpg", ".jpeg")
SIDECAR = (".cmr.json", ".umm_json")
GLOB = frozenset("*?[")


class SourceError(Exception):
    """A source that names nothing that can be harvested."""


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """A regular file: its real path, the root it lies under, and what the folder says of it."""

    path: str
    root: str = field(compare=False)
    size: int = field(compare=False)
    mtime_ns: int = field(compare=False)
    inode: int = field(compare=False)

    @property
    def relative(self) -> str:
        """Path below the root."""
        return self.path[len(self.root) + 1 :]

    @property
    def name(self) -> str:
        """File name."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(slots=True)
class Walked:
    """What the sources name. folders: walked whole, so a known file that is not seen there is gone."""

    files: list[Seen] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)  # path, reason


def walk(
    sources: Sequence[str],
    *,
    configured: Iterable[str] = (),
    own_home: Path | None = None,
    follow: bool = False,
    ignore: Sequence[str] = (),
) -> Walked:
    """All files of the sources, each once, sorted. configured: roots already allowed. Raises SourceError, RootError."""
    walked = Walked()
    places = [_place(source) for source in sources]
    walked.roots = sorted({checked_root(folder, own_home) for folder, _ in places})
    allowed = sorted({*configured, *walked.roots})
    found: dict[str, Seen] = {}
    for (folder, names), source in zip(places, sources, strict=True):
        finder = _Finder(os.path.realpath(folder), allowed, follow, tuple(ignore), walked)
        if names is None:
            walked.folders.append(finder.folder)
            seen: Iterable[Seen] = finder.walk(finder.folder)
        else:
            seen = finder.named(names)
        before = len(found)
        found.update((one.path, one) for one in seen)
        if names is not None and not names and before == len(found):
            raise SourceError(f"{source}: the pattern matches nothing")
    walked.files = [found[path] for path in sorted(found)]
    return walked


def _place(source: str) -> tuple[Path, list[str] | None]:
    """The folder of a source, and the files it names in it (None: the folder whole)."""
    if "://" in source:
        raise SourceError(f"{source}: not of this machine; allowed: folders, files and quoted patterns")
    path = Path(source).expanduser()
    if path.is_dir():
        return path, None
    if os.path.lexists(path):
        return path.parent, [str(path)]
    if GLOB & set(source):
        fixed = list(path.parts)
        first = next(n for n, part in enumerate(fixed) if GLOB & set(part))
        folder = Path(*fixed[:first]) if first else Path()
        names = [name for name in glob.glob(str(path), recursive=True) if not os.path.isdir(name)]  # noqa: PTH207, PTH112
        return folder, sorted(names)
    raise SourceError(f"{source}: no such folder or file")


@dataclass(slots=True)
class _Finder:
    folder: str
    allowed: Sequence[str]
    follow: bool
    ignore: Sequence[str]
    walked: Walked
    entered: set[tuple[int, int]] = field(default_factory=set)

    def walk(self, folder: str) -> Iterator[Seen]:
        """Files below a folder. Its own subfolders in the order of the file system; the caller sorts."""
        try:
            entries = list(os.scandir(folder))
            here = os.stat(folder)  # noqa: PTH116 - speed: 100 000 files
        except OSError as error:
            self._problem(folder, error.strerror or str(error))
            return
        if (here.st_dev, here.st_ino) in self.entered:
            return
        self.entered.add((here.st_dev, here.st_ino))
        for entry in entries:
            if entry.name.startswith(".") or self._ignored(entry.path):
                continue
            if entry.is_symlink():
                yield from self._link(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                yield from self.walk(entry.path)
            else:
                yield from self._file(entry.path, entry.stat(follow_symlinks=False))

    def named(self, paths: Iterable[str]) -> Iterator[Seen]:
        """Files that were named, or matched a pattern."""
        for path in paths:
            full = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))  # noqa: PTH118, PTH119, PTH120
            if os.path.islink(full):  # noqa: PTH114
                yield from self._link(full)
            else:
                yield from self._file(full, os.stat(full, follow_symlinks=False))  # noqa: PTH116

    def _link(self, path: str) -> Iterator[Seen]:
        """A link to a file is that file, if it lies under an allowed root; links to folders are followed if asked."""
        target = os.path.realpath(path)
        try:
            status = os.stat(target)  # noqa: PTH116
        except OSError as error:
            self._problem(path, f"broken link to {target} ({error.strerror})")
            return
        if root_of(target, self.allowed) is None and target not in self.allowed:
            self._problem(path, f"link to {target}, outside of the allowed roots")
        elif stat.S_ISDIR(status.st_mode):
            if self.follow:
                yield from self.walk(target)
        else:
            yield from self._file(target, status)

    def _file(self, path: str, status: os.stat_result) -> Iterator[Seen]:
        if not stat.S_ISREG(status.st_mode):
            self._problem(path, "not a regular file")
            return
        try:
            path.encode()
        except UnicodeEncodeError:
            self._problem(path, "the name is not UTF-8")
            return
        root = root_of(path, self.allowed) or self.folder
        yield Seen(path, root, status.st_size, status.st_mtime_ns, status.st_ino)

    def _ignored(self, path: str) -> bool:
        relative = path[len(self.folder) + 1 :]
        return any(fnmatch(relative, one) or fnmatch(relative.rsplit("/", 1)[-1], one) for one in self.ignore)

    def _problem(self, path: str, reason: str) -> None:
        self.walked.problems.append((path.encode("utf-8", "backslashreplace").decode(), reason))


def is_record(name: str) -> bool:
    """Whether a name says UMM-JSON, or JSON that may be."""
    return name.lower().endswith(RECORD)


def is_browse(name: str) -> bool:
    """Whether a name says picture."""
    return name.lower().endswith(BROWSE)


def sidecar_names(name: str) -> list[str]:
    """Names under which a data file's own record may lie beside it, the first found counts."""
    stem = name.rsplit(".", 1)[0]
    return [f"{name}.cmr.json", f"{stem}.cmr.json", f"{name}.umm_json", f"{stem}.umm_json"]


def browse_names(name: str) -> list[str]:
    """Names of pictures beside a data file that become its browse links."""
    stem = name.rsplit(".", 1)[0]
    return [f"{base}{ending}" for base in (stem, name) for ending in BROWSE]
