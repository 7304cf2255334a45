"""`data/services.yml` -> chains, checked. Harmony's own services.yml loads unchanged.

Reads one or two YAML files; knows no request. Dialect: harmony-api.md, section 4.2; keys of ours and what makes a chain
unavailable: decisions.md, section 3.1. The environment is handed in, and so are the names of the transformers.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from appliance.errors import SettingsError
from appliance.request.media_types import parse_format
from appliance.services.chain import Capabilities, ServiceChain, Step

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "services.yml"
FIND_GRANULES = "find_granules"  # built in: appliance/runner/find_granules.py

OPERATIONS = {  # name in a step -> the capabilities, any of which must back it; () none needed
    "concatenate": ("concatenation",),
    "dimensionSubset": ("dimension",),
    "extend": ("extend",),
    "reformat": (),
    "reproject": ("reprojection",),
    "shapefileSubset": ("shape",),
    "spatialSubset": ("bbox",),
    "temporalSubset": ("temporal",),
    "variableSubset": ("variable",),
}


@dataclass(frozen=True, slots=True)
class Registry:
    """All chains in the order of the file, unavailable ones included; and which transformer an image stands for."""

    chains: tuple[ServiceChain, ...]
    images: Mapping[str, str]

    def chain(self, name: str) -> ServiceChain | None:
        """The chain of that name or UMM-S id."""
        return next((c for c in self.chains if name in (c.name, c.umm_s)), None)


class _Unset(str):
    """What `!Env ${NAME}` becomes when the variable is not set; the text is its name."""

    __slots__ = ()


def load_registry(
    path: Path, *, cmr_url: str, environment: Mapping[str, str], transformers: Collection[str]
) -> Registry:
    """Read the chains of one CMR.

    cmr_url: which block of the file; "": the only or first one. transformers: names of those that exist here;
    `find_granules` is always there. A file without `images:` uses the table of the file we ship.
    Raises SettingsError naming file, chain and step.
    """
    document = _document(path, environment)
    images = document.get("images")
    if images is None and path.resolve() != SHIPPED:
        images = _document(SHIPPED, environment).get("images")
    table = {str(image): str(name) for image, name in (images or {}).items()}
    known = {*transformers, FIND_GRANULES}
    entries = [e for e in _block(path, document, cmr_url) if str(e.get("enabled", True)).lower() != "false"]
    chains = tuple(_chain(path, entry, table, known, environment) for entry in entries)
    names = [chain.name for chain in chains]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"{path}: chain {twice[0]!r} stands there more than once; allowed: one entry per name")
    return Registry(chains, table)


def _document(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        """SafeLoader with `!Env`; a class of its own, so that no other reader of YAML learns the tag."""

    def interpolated(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
        text = str(loader.construct_scalar(node)) if isinstance(node, yaml.ScalarNode) else ""
        names = re.findall(r"\$\{([^}]*)\}", text)
        missing = [name for name in names if name not in environment]
        if missing:
            return _Unset(missing[0])
        value = re.sub(r"\$\{([^}]*)\}", lambda m: environment[m.group(1)], text)
        return int(value) if value.isascii() and value.isdigit() else value

    Loader.add_constructor("!Env", interpolated)
    try:
        with path.open(encoding="utf-8") as stream:
            document = yaml.load(stream, Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise SettingsError(
            f"{path}: found {type(document).__name__}; allowed: a mapping of CMR URLs to lists of chains"
        )
    return document


def _block(path: Path, document: Mapping[str, Any], cmr_url: str) -> list[Mapping[str, Any]]:
    """The list of chains for that CMR."""
    blocks = {str(key): value for key, value in document.items() if isinstance(value, list)}
    if not blocks:
        raise SettingsError(f"{path}: no list of chains; allowed: a CMR URL as a key, with a list below it")
    wanted = cmr_url.rstrip("/")
    if wanted and not any(key.rstrip("/") == wanted for key in blocks):
        raise SettingsError(f"{path}: no chains for cmr_url {cmr_url!r}; allowed: {', '.join(blocks)}")
    chosen = next(value for key, value in blocks.items() if not wanted or key.rstrip("/") == wanted)
    for i, entry in enumerate(chosen):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise SettingsError(f"{path}: entry {i + 1} has no name; allowed: a mapping with a `name`")
    return chosen


def _chain(
    path: Path,
    entry: Mapping[str, Any],
    images: Mapping[str, str],
    known: Collection[str],
    environment: Mapping[str, str],
) -> ServiceChain:
    name = str(entry["name"])
    where = f"{path.name}, chain {name!r}"
    capabilities = _capabilities(where, _mapping(where, entry, "capabilities"))
    raw_steps = _list(where, entry, "steps")
    steps = [_step(f"{where}, step {i}", raw, capabilities, images, known) for i, raw in enumerate(raw_steps, 1)]
    reason = _unavailable(entry, steps)
    if steps and steps[0].transformer != FIND_GRANULES and not reason:
        # The data are local: a chain that lets its service find them gets our search in front (decisions.md 3.4).
        steps.insert(0, Step(FIND_GRANULES, FIND_GRANULES, is_sequential=True))
    by_hand = environment.get(re.sub("-", "_", name.upper()) + "_COLLECTIONS", "")
    umm_s = entry.get("umm_s")
    if umm_s is not None and not isinstance(umm_s, str):
        raise SettingsError(f"{where}: umm_s: found {umm_s!r}; allowed: one concept id")
    if isinstance(umm_s, _Unset):
        reason, umm_s = reason or f"the environment variable {umm_s} is not set", None
    named = entry.get("only_when_named", False)
    return ServiceChain(
        name=name,
        umm_s=umm_s,
        capabilities=capabilities,
        steps=tuple(steps),
        description=str(entry.get("description") or "").strip(),
        collections={str(c["id"]): c for c in _list(where, entry, "collections") if isinstance(c, dict) and "id" in c},
        granule_limit=_integer(where, entry, "granule_limit"),
        has_granule_limit=entry.get("has_granule_limit") is not False,
        maximum_sync_granules=_integer(where, entry, "maximum_sync_granules"),
        default_sync=entry.get("default_sync"),
        validate_variables=entry.get("validate_variables") is not False,
        only_when_named=bool(named),
        only_with_average=named == "average",
        never_drops_extent=bool(entry.get("never_drops_extent")),
        native_formats=tuple(str(f).lower() for f in _list(where, entry, "native_formats")),
        keeps_native_format=bool(entry.get("keeps_native_format")),
        associated=tuple(part.strip() for part in by_hand.split(",") if part.strip()),
        unavailable=reason,
    )


def _capabilities(where: str, raw: Mapping[str, Any]) -> Capabilities:
    subsetting = _mapping(where, raw, "subsetting")
    averaging = _mapping(where, raw, "averaging")
    variable = bool(subsetting.get("variable"))
    several = subsetting.get("multiple_variable")
    return Capabilities(
        bbox=bool(subsetting.get("bbox")),
        shape=bool(subsetting.get("shape")),
        temporal=bool(subsetting.get("temporal")),
        variable=variable,
        multiple_variable=variable and several is not False,
        dimension=bool(subsetting.get("dimension")),
        concatenation=bool(raw.get("concatenation")),
        concatenate_by_default=bool(raw.get("concatenate_by_default")),
        no_default_concatenation_formats=_formats(_list(where, raw, "no_default_concatenation_formats")),
        reprojection=bool(raw.get("reprojection")),
        averaging_time=bool(averaging.get("time")),
        averaging_area=bool(averaging.get("area")),
        extend=bool(raw.get("extend")),
        default_extend_dimensions=tuple(str(d) for d in _list(where, raw, "default_extend_dimensions")),
        output_formats=_formats(_list(where, raw, "output_formats")),
        all_collections=bool(raw.get("all_collections")),
        raw=raw,
    )


def _formats(raw: Sequence[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_format(str(mime)) for mime in raw))


def _step(where: str, raw: Any, capabilities: Capabilities, images: Mapping[str, str], known: Collection[str]) -> Step:
    if not isinstance(raw, dict) or not ("image" in raw or "command" in raw):
        raise SettingsError(f"{where}: no image; allowed: a mapping with an `image`")
    image = raw.get("image", raw.get("command"))
    conditional = _mapping(where, raw, "conditional")
    operations = None if raw.get("operations") is None else _list(where, raw, "operations")
    exists = tuple(_list(where, conditional, "exists"))
    formats = tuple(parse_format(str(f)) for f in _list(where, conditional, "format"))
    _check_operations(where, "operations", operations or (), capabilities)
    _check_operations(where, "conditional.exists", exists, capabilities)
    if "reformat" in exists:
        raise SettingsError(f'{where}: conditional.exists: "reformat"; allowed: use conditional.format instead')
    foreign = [f for f in formats if f and f not in capabilities.output_formats]
    if foreign:
        offers = ", ".join(capabilities.output_formats) or "none"
        raise SettingsError(
            f"{where}: conditional.format: {foreign[0]!r} is no output format of the chain; allowed: {offers}"
        )
    step = Step(
        image=image if isinstance(image, _Unset) else str(image),
        transformer=None if isinstance(image, _Unset) else transformer_of(str(image), images, known),
        operations=None if operations is None else tuple(operations),
        exists=exists,
        formats=formats,
        native_formats=tuple(
            str(f).lower() for f in _list(where, _mapping(where, conditional, "umm_c"), "native_format")
        ),
        kinds=tuple(str(k) for k in _list(where, conditional, "kind")),
        always_wait_for_prior_step=bool(raw.get("always_wait_for_prior_step")),
        is_sequential=bool(raw.get("is_sequential")),
        is_batched=bool(raw.get("is_batched")),
        max_batch_inputs=_integer(where, raw, "max_batch_inputs", minimum=1),
        max_batch_bytes=_integer(where, raw, "max_batch_size_in_bytes", minimum=1),
        extra_args=_mapping(where, raw, "extra_args"),
    )
    if step.transformer == FIND_GRANULES and not step.is_sequential:
        raise SettingsError(f"{where}: {step.image} is not sequential; allowed: `is_sequential: true` for this step")
    return step


def _check_operations(where: str, key: str, names: Sequence[Any], capabilities: Capabilities) -> None:
    for name in names:
        if name not in OPERATIONS:
            raise SettingsError(f"{where}: {key}: {name!r}; allowed: {', '.join(OPERATIONS)}")
        backing = OPERATIONS[name]
        if backing and not any(getattr(capabilities, field) for field in backing):
            raise SettingsError(
                f"{where}: {key}: {name!r}, but the chain's capabilities do not say {' or '.join(backing)}; "
                f"allowed: operations that a capability backs"
            )


def transformer_of(image: str, images: Mapping[str, str], known: Collection[str]) -> str | None:
    """The transformer behind an image, or None when nobody provides it.

    Looked up in the table with registry and path, with path only, and by its last part, tag and digest left out;
    the plain name of a transformer is accepted as it is.
    """
    bare = re.sub(r"@.*$", "", image)
    bare = re.sub(r":[^/]*$", "", bare)
    host, slash, rest = bare.partition("/")
    names = [bare, rest if slash and re.search(r"[.:]|^localhost$", host) else bare, bare.rpartition("/")[2]]
    for name in names:
        if name in images:
            return images[name] if images[name] in known else None
    return bare if bare in known else None


def _unavailable(entry: Mapping[str, Any], steps: Sequence[Step]) -> str:
    """Why the chain cannot be carried out here, in one clause; "" when it can."""
    kind = entry.get("type") or {}
    if isinstance(kind, Mapping) and kind.get("name") == "http":
        return "it is a backend behind HTTP (type: http), which is not supported"
    for key in ("external_validation_url", "command"):
        if entry.get(key):
            return f"it has `{key}`, which is not supported"
    if not steps:
        return "it has no steps"
    for number, (raw, step) in enumerate(zip(entry["steps"], steps, strict=True), 1):
        if "command" in raw:
            return f"step {number} is a `command`, which is not supported"
        if isinstance(step.image, _Unset):
            return f"step {number} needs the environment variable {step.image}, which is not set"
        if step.transformer is None:
            return f"step {number} needs {step.image!r}, which nothing here provides"
    return ""


def _mapping(where: str, raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key) or {}
    if not isinstance(value, Mapping):
        raise SettingsError(f"{where}: {key}: found {type(value).__name__}; allowed: a mapping")
    return value


def _list(where: str, raw: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = raw.get(key) or []
    if not isinstance(value, list):
        raise SettingsError(f"{where}: {key}: found {type(value).__name__}; allowed: a list")
    return value


def _integer(where: str, raw: Mapping[str, Any], key: str, *, minimum: int | None = None) -> int | None:
    value = raw.get(key)
    if value is None or isinstance(value, _Unset):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or (minimum is not None and value < minimum):
        allowed = "an integer" if minimum is None else f"an integer of at least {minimum}"
        raise SettingsError(f"{where}: {key}: {value!r}; allowed: {allowed}")
    return value
