"""Which chain can do what was asked, or why none can.

Pure: chains and operation come in, a `Match` goes out. The order of the filters, their words and the best-effort rule:
harmony-api.md, section 4.3; formats: 1.6; what differs here: decisions.md, section 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from appliance.errors import RequestValidationError, UnsupportedOperation
from appliance.metadata.concepts import Variable
from appliance.operation import Operation
from appliance.request.media_types import accepts_anything, first_fitting, fits, is_wildcard
from appliance.request.query import listed
from appliance.services.chain import ServiceChain


@dataclass(frozen=True, slots=True)
class Match:
    """The chain, and the operation with media type, concatenation and extension resolved for it.

    warnings: sentences for the user about what will not be done; they belong into the job's message and warnings.
    """

    chain: ServiceChain
    operation: Operation
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter: the words of the 422, whether it was asked for, whether a chain can do it."""

    words: str
    asked: Callable[[Operation], bool]
    can: Callable[[ServiceChain, Operation], bool]
    about: str = ""  # "spatial", "temporal": may be dropped by best effort


def _can_subset_variables(chain: ServiceChain, operation: Operation) -> bool:
    several = operation.variable_count > 1
    return chain.capabilities.variable and (chain.capabilities.multiple_variable or not several)


SPATIAL = Rule("spatial subsetting", lambda o: o.bbox is not None, lambda c, o: c.capabilities.bbox, "spatial")
TEMPORAL = Rule(
    "temporal subsetting", lambda o: o.temporal is not None, lambda c, o: c.capabilities.temporal, "temporal"
)
SHAPE = Rule("shapefile subsetting", lambda o: o.shape_path is not None, lambda c, o: c.capabilities.shape, "spatial")

RULES: tuple[Rule, ...] = (
    Rule("concatenation", lambda o: o.concatenate is True, lambda c, o: c.capabilities.concatenation),
    Rule("variable subsetting", lambda o: not o.all_variables, _can_subset_variables),
    SPATIAL,
    TEMPORAL,
    Rule("dimension subsetting", lambda o: bool(o.dimensions), lambda c, o: c.capabilities.dimension),
    Rule("reprojection", lambda o: o.crs is not None, lambda c, o: c.capabilities.reprojection),
    Rule("extend", lambda o: bool(o.extend), lambda c, o: c.capabilities.extend),
    Rule("area averaging", lambda o: o.average == "area", lambda c, o: c.capabilities.averaging_area),
    Rule("time averaging", lambda o: o.average == "time", lambda c, o: c.capabilities.averaging_time),
    SHAPE,
)
POINT = Rule("point", lambda o: o.point is not None, lambda c, o: c.capabilities.bbox)


@dataclass(frozen=True, slots=True)
class Found:
    """A chain that passed, with the media type chosen for it; or no chain, and the words of what was asked."""

    chain: ServiceChain | None
    mime: str | None = None
    asked: tuple[str, ...] = ()


def choose_chain(operation: Operation, chains: Sequence[ServiceChain]) -> Match:
    """The first chain, in the order of the file, that can do all of it; else the best effort where that is allowed.

    Raises UnsupportedOperation (422) in the published words, naming a chain that is not available if that one alone
    could do it; RequestValidationError for variables nobody has and for an unknown service id.
    """
    if operation.service_id:
        return _by_service_id(operation, chains)
    available = [chain for chain in chains if not chain.unavailable]
    full = _search(operation, available)
    if full.chain:
        return _match(operation, full.chain, full.mime)
    if operation.point:
        without = _search(operation, [c for c in available if not c.never_drops_extent], ignore_point=True)
        if without.chain:
            return _match(operation, without.chain, without.mime)
    elsewhere = _search(operation, chains)
    if elsewhere.chain:
        raise UnsupportedOperation(
            f"{_refusal(operation, full.asked)}. The service chain {elsewhere.chain.name} could do it, "
            f"but it is not available here: {elsewhere.chain.unavailable}"
        )
    if not _is_strict(operation) or _is_time_alone(operation, chains):
        willing = [chain for chain in available if not chain.never_drops_extent]
        best = _search(operation, willing, ignore_extent=True, ignore_point=True)
        if best.chain:
            return _match(operation, best.chain, best.mime)
    raise UnsupportedOperation(_refusal(operation, full.asked))


def serves(chain: ServiceChain, collection_id: str, service_ids: Sequence[str]) -> bool:
    """Whether a collection, with the UMM-S ids associated with it, is the chain's business; `all_collections` aside."""
    return (chain.umm_s is not None and chain.umm_s in service_ids) or collection_id in chain.associated


def offered_formats(chain: ServiceChain, operation: Operation) -> tuple[str, ...]:
    """The output formats the chain has for these collections."""
    if chain.native_formats:
        for collection in operation.collections:
            native = collection.native_format.lower()
            if native and not any(word in native for word in chain.native_formats):
                return ()
    return chain.capabilities.output_formats


def _search(
    operation: Operation,
    chains: Sequence[ServiceChain],
    *,
    ignore_extent: bool = False,
    ignore_point: bool = False,
) -> Found:
    """Narrow the chains rule by rule, in the published order; formats come last, because that also picks one."""
    left = [c for c in chains if _serves_all(c, operation) and _is_due(c, operation)]
    asked: list[str] = []
    for rule in RULES:
        if (ignore_extent and rule.about) or not rule.asked(operation):
            continue
        asked.append(rule.words)
        left = [c for c in left if rule.can(c, operation)]
        if not left:
            return Found(None, asked=tuple(asked))
    if operation.point and not ignore_point:
        left = [c for c in left if POINT.can(c, operation)]
    return _with_format(operation, left, asked)


def _with_format(operation: Operation, chains: Sequence[ServiceChain], asked: Sequence[str]) -> Found:
    """`format` wins over Accept; an "any" wildcard fits every chain and takes its first format."""
    wanted = (operation.format,) if operation.format else operation.accept
    if not wanted and chains:
        return Found(chains[0])
    for entry in wanted:
        anything = accepts_anything([entry])
        for chain in chains:
            mime = first_fitting(entry, offered_formats(chain, operation))
            if mime and not (anything and chain.keeps_native_format):
                return Found(chain, mime)
            if anything:
                return Found(chain)
    named = [f"reformatting to {' or '.join(wanted)}"] if wanted and not accepts_anything(wanted) else []
    return Found(None, asked=(*asked, *named))


def _serves_all(chain: ServiceChain, operation: Operation) -> bool:
    return chain.capabilities.all_collections or all(
        serves(chain, c.concept_id, c.service_ids) for c in operation.collections
    )


def _is_due(chain: ServiceChain, operation: Operation) -> bool:
    """Chains that wait to be named: by one of their formats (no wildcard), or by `average`."""
    if chain.only_with_average:
        return operation.average is not None
    if not chain.only_when_named or operation.average is not None:
        return True
    return any(fits(mime, offer) for mime in _named_formats(operation) for offer in chain.capabilities.output_formats)


def _named_formats(operation: Operation) -> tuple[str, ...]:
    if operation.format:
        return (operation.format,)
    return tuple(mime for mime in operation.accept if not is_wildcard(mime))


def _is_strict(operation: Operation) -> bool:
    """Whether the extent may not be dropped: none asked for, or one kind of it and nothing else."""
    spatial = operation.bbox is not None or operation.shape_path is not None
    temporal = operation.temporal is not None
    needs_format = bool(operation.format) or (bool(operation.accept) and not accepts_anything(operation.accept))
    extent_rules = (SPATIAL, TEMPORAL, SHAPE)
    other = needs_format or any(rule.asked(operation) for rule in RULES if rule not in extent_rules)
    return not (spatial or temporal) or (spatial != temporal and not other)


def _is_time_alone(operation: Operation, chains: Sequence[ServiceChain]) -> bool:
    """Time and nothing else, of collections no chain is associated with: download by choice of granules."""
    alone = [rule for rule in RULES if rule.asked(operation)] == [TEMPORAL]
    associated = any(serves(c, k.concept_id, k.service_ids) for c in chains for k in operation.collections)
    return alone and not associated


def _match(operation: Operation, chain: ServiceChain, mime: str | None) -> Match:
    operation = _with_variables(operation, chain)
    concatenate = _concatenates(operation, chain, mime)
    resolved = replace(
        operation, format=mime, concatenate=concatenate, extend=_extended(operation, chain, concatenate=concatenate)
    )
    return Match(chain, resolved, _warnings(operation, chain))


def _concatenates(operation: Operation, chain: ServiceChain, mime: str | None) -> bool:
    can = chain.capabilities
    if not can.concatenation or operation.concatenate is not None:
        return can.concatenation and operation.concatenate is True
    return can.concatenate_by_default and mime not in can.no_default_concatenation_formats


def _extended(operation: Operation, chain: ServiceChain, *, concatenate: bool) -> tuple[str, ...]:
    can = chain.capabilities
    if not can.extend or operation.extend is False:
        return ()
    if isinstance(operation.extend, tuple):
        return operation.extend
    return can.default_extend_dimensions if operation.extend or concatenate else ()


def _warnings(operation: Operation, chain: ServiceChain) -> tuple[str, ...]:
    """One sentence for each extent that was asked for and will not be cut."""
    can = chain.capabilities
    spatial = (operation.bbox is not None and not can.bbox) or (operation.shape_path is not None and not can.shape)
    temporal = operation.temporal is not None and not can.temporal
    found = []
    if spatial or temporal:
        kinds = listed([word for word, dropped in (("spatial", spatial), ("temporal", temporal)) if dropped])
        found.append(
            f"Data in output files may extend outside the {kinds} bounds you requested: no service chain does all that "
            f"was asked of {listed(operation.collection_ids)}, and {chain.name} only selects whole granules by them."
        )
    if operation.point is not None and not can.bbox:
        found.append(
            f"The point only selects whole granules: {chain.name}, which does the rest, cannot crop them to it."
        )
    return tuple(found)


def _with_variables(operation: Operation, chain: ServiceChain) -> Operation:
    """Check the variables as the chain wants it: they exist, and it may subset them."""
    if operation.all_variables:
        return operation
    if operation.unknown_variables and chain.validate_variables:
        raise RequestValidationError(
            f"Coverages were not found for the provided variables: {', '.join(operation.unknown_variables)}"
        )
    for collection_id, chosen in operation.variables.items():
        allowed = chain.collections.get(collection_id, {}).get("variables")
        if allowed is not None and any(v.concept_id not in allowed and v.name not in allowed for v in chosen):
            raise RequestValidationError("Not all variables selected can be subset")
    unchecked = tuple(Variable("unknown", name, name.strip("/"), "") for name in operation.unknown_variables)
    return replace(operation, variables={key: found + unchecked for key, found in operation.variables.items()})


def _by_service_id(operation: Operation, chains: Sequence[ServiceChain]) -> Match:
    """The chain that was named, whatever it can do."""
    chain = next((c for c in chains if operation.service_id in (c.name, c.umm_s)), None)
    if chain is None:
        raise RequestValidationError(
            "Could not find a service chain that matched the provided serviceId. Ensure the provided serviceId is "
            f"either a CMR concept id or the name of a chain: found {operation.service_id!r}; "
            f"allowed: {listed([c.name for c in chains], 'or')}"
        )
    if chain.unavailable:
        raise UnsupportedOperation(f"the service chain {chain.name} is not available here: {chain.unavailable}")
    found = _with_format(operation, [chain], ())
    return _match(operation, chain, found.mime or operation.format)


def _refusal(operation: Operation, asked: Sequence[str]) -> str:
    ids = listed(operation.collection_ids)
    if not asked:
        return f"no operations can be performed on {ids}"
    return f"the requested combination of operations: {listed(asked)} on {ids} is unsupported"
