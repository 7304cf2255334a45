"""Steps for tests: they read and write as `transformers.run` does, without reading any science file.

`extraArgs` of the message say how a step behaves. Never part of the program.
"""

import json
import os
import stat
import time
from pathlib import Path


def run_step(name, message_path, catalog_path, outdir, progress):
    """One step; `name` is looked up below."""
    message = json.loads(message_path.read_text())
    inputs = [json.loads((catalog_path.parent / link["href"]).read_text()) for link in _item_links(catalog_path)]
    progress(0)
    STEPS[name](message, inputs, outdir)
    progress(100)


def _item_links(catalog_path):
    return [link for link in json.loads(catalog_path.read_text())["links"] if link["rel"] == "item"]


def copy(message, inputs, outdir):
    """The first input's name and bytes, one output; crashes, fails, waits or warns when it is told to."""
    extra = message.get("extraArgs") or {}
    name = inputs[0]["properties"]["harmonium:name"]
    time.sleep(extra.get("seconds", 0))
    if name in extra.get("slow_once", ()) and not Path(extra["marker"]).exists():
        Path(extra["marker"]).touch()
        time.sleep(600)
    bytearray(extra.get("take_mb", 0) << 20)
    if name in extra.get("crash", ()):
        os.abort()
    if name in extra.get("fail", ()):
        return write_error(outdir, f"{name} is broken", category="noretry")
    if name in extra.get("fail_once", ()) and not Path(extra["marker"]).exists():
        Path(extra["marker"]).touch()
        return write_error(outdir, f"{name} is shy")
    if name in extra.get("nodata", ()):
        return write_error(outdir, f"nothing of {name} lies inside", level="warning", category="nodata")
    data = Path(inputs[0]["assets"]["data"]["href"]).read_bytes()
    if extra.get("trace"):
        with Path(extra["trace"]).open("a") as trace:
            trace.write(f"{name}\n")
    write_outputs(outdir, [(name, data, inputs[0])])
    return None


def double(message, inputs, outdir):
    """Two outputs of one input, each in a catalog of its own."""
    name = inputs[0]["properties"]["harmonium:name"]
    data = Path(inputs[0]["assets"]["data"]["href"]).read_bytes()
    write_outputs(outdir, [(f"{half}_{name}", data, inputs[0]) for half in ("a", "b")])


def join(message, inputs, outdir):
    """All inputs in one output, in order."""
    data = b"".join(Path(one["assets"]["data"]["href"]).read_bytes() for one in inputs)
    write_outputs(outdir, [("joined.txt", data, inputs[0])])


def tell_input(message, inputs, outdir):
    """What the input's file is like, as text."""
    path = Path(inputs[0]["assets"]["data"]["href"])
    facts = f"{oct(stat.S_IMODE(path.stat().st_mode))} {path.stat().st_nlink} {path}"
    write_outputs(outdir, [(inputs[0]["properties"]["harmonium:name"], facts.encode(), inputs[0])])


def folder(message, inputs, outdir):
    """An output that is a folder, as Zarr is."""
    store = outdir / "data.zarr"
    (store / "v").mkdir(parents=True)
    (store / ".zgroup").write_text("{}")
    (store / "v" / "0.0").write_bytes(b"chunk")
    write_catalog(outdir / "catalog.json", [item_of(store, inputs[0], "application/x-zarr")])


def escape(message, inputs, outdir):
    """A catalog that names a file that is not the item's."""
    item = item_of(outdir / "x", inputs[0], "text/plain")
    item["assets"]["data"]["href"] = "/etc/hostname"
    write_catalog(outdir / "catalog.json", [item])


def nothing(message, inputs, outdir):
    """A catalog of nothing."""
    write_catalog(outdir / "catalog.json", [])


STEPS = {f.__name__: f for f in (copy, double, join, tell_input, folder, escape, nothing)}


def write_error(outdir, text, level="error", category=None):
    """The error document of Harmony's service contract."""
    (outdir / "error.json").write_text(json.dumps({"error": text, "level": level, "category": category}))


def write_outputs(outdir, outputs):
    """(name, bytes, input) -> files and catalogs."""
    items = []
    for name, data, source in outputs:
        (outdir / name).write_bytes(data)
        items.append(item_of(outdir / name, source, "text/plain"))
    if len(items) == 1:
        return write_catalog(outdir / "catalog.json", items)
    names = [f"catalog{n}.json" for n in range(len(items))]
    for catalog, item in zip(names, items, strict=True):
        write_catalog(outdir / catalog, [item])
    (outdir / "batch-catalogs.json").write_text(json.dumps(names))
    return None


def item_of(path, source, media_type):
    """The input's item with another file."""
    asset = {"href": f"./{path.name}", "title": path.name, "type": media_type, "roles": ["data"]}
    properties = {**source["properties"], "harmonium:name": path.name}
    return {**source, "id": f"{source['id']}-{path.name}", "properties": properties, "assets": {"data": asset}}


def write_catalog(path, items):
    """A STAC catalog and its items."""
    for item in items:
        path.with_name(f"{item['id']}.json").write_text(json.dumps(item))
    links = [{"rel": "item", "href": f"./{item['id']}.json"} for item in items]
    path.write_text(json.dumps({"type": "Catalog", "stac_version": "1.0.0", "id": path.stem, "links": links}))
