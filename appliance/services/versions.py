"""The chains and the images of their steps, for /versions. Source: harmony-api 8.3. Pure."""

from collections.abc import Sequence
from typing import Any

from appliance.services.chain import ServiceChain


def versions_document(chains: Sequence[ServiceChain], version: str) -> list[dict[str, Any]]:
    """One entry per chain in order of precedence; one image per step, conditional ones too.

    A step that one of our transformers carries out has that as its image and our version as its tag. Chains that are
    not available say why, in a field of ours.
    """
    return [_entry(chain, version) for chain in chains]


def _entry(chain: ServiceChain, version: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": chain.name,
        "images": [_image(step.image, step.transformer, version) for step in chain.steps],
    }
    if chain.unavailable:
        entry["unavailable"] = chain.unavailable
    return entry


def _image(image: str, transformer: str | None, version: str) -> dict[str, str]:
    if transformer:
        return {"image": transformer, "tag": version}
    name, _, tag = image.rpartition(":")
    return {"image": name or image, "tag": tag if name else "latest"}
