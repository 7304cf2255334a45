"""The programs that nobody here wrote and that some tests run: which are here, and how to install them (Debian).

Standard library only. `just tools` runs it with --install; the suite ends with one line for each that is missing.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = {
    "ncdump": "netcdf-bin",
    "h5dump": "hdf5-tools",
    "gdalinfo": "gdal-bin",
    "nginx": "nginx-light",
    "chromium": "chromium",
    "rclone": "rclone",
    "tmux": "tmux",
    "curl": "curl",
}


def missing() -> list[str]:
    """Programs that are not on the PATH."""
    return [program for program in PACKAGES if shutil.which(program) is None]


def install() -> int:
    """Install what is missing from Debian, where this user may; says what it does."""
    wanted = [PACKAGES[program] for program in missing()]
    if not wanted:
        print("outside programs: all here")
        return 0
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"outside programs: run as root on Debian to install {' '.join(wanted)}")
        return 1
    print(f"outside programs: installing {' '.join(wanted)} (about 700 MB with Chromium)")
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
    return subprocess.run(command, check=False, **quiet).returncode


if __name__ == "__main__":
    if "--install" in sys.argv:
        sys.exit(install())
    print("\n".join(f"missing: {program} (Debian package {PACKAGES[program]})" for program in missing()))
