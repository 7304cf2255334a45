"""Functions that tests have carried out in children: well-behaved, slow, greedy, crashing. No part of the program."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path


def run_step(name, message_path, catalog_path, outdir, progress):
    """A step as `transformers.run.run_step`: the name says how it behaves."""
    message = json.loads(message_path.read_text())
    return globals()[name](message, outdir, progress)


def write_facts(message, outdir, progress):
    """Leave behind what a child can know of itself."""
    progress(50)
    print("a line for the log")
    facts = {
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "parent": os.getppid(),
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "address_space": resource.getrlimit(resource.RLIMIT_AS)[0],
        "modules": sorted(sys.modules),
        "descriptors": _descriptors(),
    }
    (outdir / "facts.json").write_text(json.dumps(facts))
    return 0


def _descriptors():
    links = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        if entry.is_symlink():  # the one that listed the folder is closed again
            links.append(str(entry.readlink()))
    return sorted(links)


def crash(message, outdir, progress):
    """Read address 0."""
    ctypes.string_at(0)


def abort(message, outdir, progress):
    """End as a C library does that finds itself broken."""
    os.abort()


def refuse_memory(message, outdir, progress):
    """End as a C++ library does that is refused memory."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def be_killed(message, outdir, progress):
    """End as by the kernel's memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave(message, outdir, progress):
    """End without a word."""
    os._exit(7)


def fail(message, outdir, progress):
    """Raise."""
    raise ValueError("the granule has no time")


def return_code(message, outdir, progress):
    """Report a failure by number."""
    return message["code"]


def allocate(message, outdir, progress):
    """Take memory, all of it touched."""
    held = bytearray(message["mb"] << 20)
    return 0 if len(held) else 1


def sleep(message, outdir, progress):
    """Take time, silently."""
    (outdir / "pid").write_text(str(os.getpid()))
    time.sleep(message["seconds"])
    return 0


def chatter(message, outdir, progress):
    """Take time, talking as fast as the pipe takes it."""
    (outdir / "pid").write_text(str(os.getpid()))
    end = time.monotonic() + message["seconds"]
    while time.monotonic() < end:
        progress(1)
    return 0


def have_a_child(message, outdir, progress):
    """Start a process of one's own and forget it."""
    process = subprocess.Popen(["sleep", "600"])
    (outdir / "grandchild").write_text(str(process.pid))
    return 0


def double(number):
    """A function for `run_function`."""
    return number * 2


def describe_or_crash(path):
    """A function for `call_each`: crashes on a file called so, refuses another, describes the rest."""
    if "crash" in path.name:
        ctypes.string_at(0)
    if "broken" in path.name:
        raise OSError("not HDF5")
    return {"path": str(path), "pid": os.getpid()}


def answer_with_a_set(argument):
    """A result that is no JSON."""
    return {argument}
