"""Files that are not what their names say, for tests of bad input: cut short, empty, zeros, a web page."""

from pathlib import Path

WEB_PAGE = "<!DOCTYPE html>\n<html><head><title>401</title></head><body>Please sign in.</body></html>\n"


def write_truncated(path: Path, whole: Path, share: float = 0.5) -> Path:
    """The first part of another file. share: 0 to 1 of its bytes."""
    content = whole.read_bytes()
    return _write(path, content[: int(len(content) * share)])


def write_empty(path: Path) -> Path:
    """No byte at all."""
    return _write(path, b"")


def write_zeros(path: Path, count: int = 100) -> Path:
    """So many zero bytes."""
    return _write(path, bytes(count))


def write_web_page(path: Path) -> Path:
    """What a download script saves when it was not signed in."""
    return _write(path, WEB_PAGE.encode())


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
