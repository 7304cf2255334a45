"""Who listens on a port of this machine, as far as /proc lets this user see. Linux; elsewhere nobody is found."""

from pathlib import Path

_LISTENS = "0A"  # TCP_LISTEN, as /proc/net/tcp writes it


def listener(port: int) -> tuple[int, str] | None:
    """(process id, its command line) of a listener on a TCP port; None when there is none, or it is hidden from us."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, sockets):
            return int(process.name), _command_line(process)
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        rows = [line.split() for line in lines]
        inodes |= {row[9] for row in rows if row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port}
    return inodes


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir())
    except OSError:  # another user's, or gone meanwhile
        return False


def _command_line(process: Path) -> str:
    try:
        return process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()[:100]
    except OSError:
        return ""
