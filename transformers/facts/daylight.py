"""Day or night: as the file says, else by the sun's zenith angle. Obeys: catalog contract, section 4.4."""

import re
from collections.abc import Sequence

import numpy as np

from transformers.contract import NoRetry
from transformers.coordinates.packing import unpack
from transformers.facts.said import Said, first
from transformers.formats.layout import Granule

WORDS = {
    "day": "Day",
    "night": "Night",
    "both": "Both",
    "unspecified": "Unspecified",
    "daytime": "Day",
    "nighttime": "Night",
}
ZENITH = re.compile(r"^(solar_?zenith(_?angle)?|sun_?zenith(_?angle)?|sza)$", re.I)
MOST_VALUES = 5_000_000


def day_night(granule: Granule, said: Sequence[Said]) -> str:
    """Day, Night, Both or Unspecified."""
    word = first(said, ("DAYNIGHTFLAG", "day_night_flag", "DayNightFlag"))
    if word and word.value.lower() in WORDS:
        return WORDS[word.value.lower()]
    for info in granule.variables.values():
        if not ZENITH.match(info.name) or info.dtype.kind not in "iuf" or int(np.prod(info.shape)) > MOST_VALUES:
            continue
        try:
            angles = unpack(np.asarray(granule.read(info.path)), info.attributes)
        except NoRetry:
            continue
        angles = angles[(angles >= 0) & (angles <= 180)]
        if angles.size:
            return "Day" if angles.max() < 90 else "Night" if angles.min() > 90 else "Both"
    return "Unspecified"
