"""The order of imports, read from the import-linter tables of pyproject.toml with the standard library alone."""

import tomllib

import pytest

from tests.house.source_tree import ROOT, direct_imports, modules

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = next(c for c in CONTRACTS if c["type"] == "layers")
FORBIDDEN = [c for c in CONTRACTS if c["type"] == "forbidden"]


def layer_of() -> dict[str, int]:
    return {name.strip(): i for i, layer in enumerate(LAYERS["layers"]) for name in layer.split("|")}


def below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def test_every_part_of_the_appliance_has_its_layer():
    parts = {name.split(".")[1] for name in modules() if name.startswith("appliance.")}
    assert parts - set(layer_of()) == set()


def test_imports_go_down_the_layers_only():
    layer = layer_of()
    wrong = []
    for module in modules().values():
        if not module.name.startswith("appliance."):
            continue
        own = module.name.split(".")[1]
        for imported in direct_imports(module):
            if not imported.startswith("appliance."):
                continue
            other = imported.split(".")[1]
            if other != own and layer[other] <= layer[own]:
                wrong.append(f"{module.name} imports {imported}")
    assert wrong == []


def reachable(name: str) -> dict[str, str]:
    """Everything that a module brings in, ours or others', with the module of ours that imports it."""
    seen: dict[str, str] = {}
    todo = [name]
    while todo:
        current = modules()[todo.pop()]
        for imported in current.imports:
            if imported not in seen:
                seen[imported] = current.name
                if imported in modules():
                    todo.append(imported)
    return seen


@pytest.mark.parametrize("contract", FORBIDDEN, ids=lambda c: c["name"])
def test_forbidden_imports_are_not_reached(contract):
    wrong = []
    for module in modules().values():
        if not any(below(module.name, source) for source in contract["source_modules"]):
            continue
        for imported, by in reachable(module.name).items():
            if any(below(imported, forbidden) for forbidden in contract["forbidden_modules"]):
                wrong.append(f"{module.name} reaches {imported} by {by}")
    assert wrong == []


def test_no_import_cycles():
    state: dict[str, int] = {}
    cycles = []

    def visit(name: str, trail: list[str]) -> None:
        state[name] = 1
        for imported in sorted(direct_imports(modules()[name])):
            if state.get(imported) == 1:
                cycles.append(" -> ".join([*trail[trail.index(imported) :], imported]))
            elif imported not in state:
                visit(imported, [*trail, imported])
        state[name] = 2

    for name in modules():
        if name not in state:
            visit(name, [name])
    assert cycles == []


def test_transformers_do_not_import_each_other():
    transformers = {
        name
        for name, module in modules().items()
        if name.count(".") == 1
        and name.startswith("transformers.")
        and any(getattr(node, "name", "") == "transform" for node in module.tree.body)
    }
    assert {"transformers.subset_swath", "transformers.subset_grid"} <= transformers
    wrong = [(a, b) for a in transformers for b in direct_imports(modules()[a]) & transformers]
    assert wrong == []
