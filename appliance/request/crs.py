"""Coordinate reference systems by the text a client sends: EPSG codes, names, URNs, PROJ strings, WKT.

Only names what is meant (PROJ text, WKT, EPSG code); transforms nothing: that is `transformers/coordinates/crs.py`.
Forms: harmony-api.md, section 1.5. pyproj is imported at the first request that names a CRS and not before: it brings
PROJ alone (no numpy, no GDAL), 0.2 s once and about 27 MB.
"""

import re
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from appliance.errors import RequestValidationError

LONGEST = 20_000  # characters; a compound CRS in WKT 2 has about 5 000
EPSG_CODE = re.compile(r"epsga?\s*:\s*:?\s*(\d{1,6})", re.IGNORECASE | re.ASCII)
URN = re.compile(r"urn:(?:x-)?ogc:def:crs:epsg:[\d.]*:(\d{1,6})", re.IGNORECASE | re.ASCII)
URL = re.compile(r"https?://www\.opengis\.net/def/crs/epsg/[\d.]+/(\d{1,6})", re.IGNORECASE | re.ASCII)
CRS84 = re.compile(
    r"(?:ogc:\s*)?crs\s*:?\s*84|urn:ogc:def:crs:ogc:[\d.]*:crs84|https?://www\.opengis\.net/def/crs/ogc/[\d.]+/crs84",
    re.IGNORECASE,
)
WELL_KNOWN = {"WGS84": 4326, "WGS 84": 4326, "WGS_84": 4326, "NAD83": 4269, "NAD27": 4267, "WGS72": 4322}
WKT = re.compile(
    r"(GEOGCS|PROJCS|GEOGCRS|GEODCRS|PROJCRS|COMPOUNDCRS|COMPD_CS|BOUNDCRS|GEODETICCRS|PROJECTEDCRS)\s*\[",
    re.IGNORECASE,
)
# PROJ would open these files; no request names a path of this machine.
NAMES_A_FILE = re.compile(r"\+?\b(init|file|grids|nadgrids|geoidgrids)\s*=\s*(?!@null\b)", re.IGNORECASE)
IGNORED_TOKENS = {"+no_defs", "+wktext", "+type=crs"}

_proj_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Crs:
    """A CRS as services get it: `text` as the user gave it, PROJ text, WKT, `EPSG:<code>`; "" where unknown."""

    text: str
    proj4: str
    wkt: str
    epsg: str

    @property
    def srs(self) -> Mapping[str, str]:
        """The `format.srs` of Harmony's operation."""
        return {"proj4": self.proj4, "wkt": self.wkt, "epsg": self.epsg}


def parse_crs(text: str, parameter: str = "crs/outputCrs") -> Crs:
    """The CRS that is meant. Raises RequestValidationError when it cannot be made out, or has an unknown code."""
    text = text.strip()
    found = _resolved(text) if len(text) <= LONGEST else None
    if found is None:
        raise RequestValidationError(
            f'query parameter "{parameter}" could not be parsed.  Try an EPSG code or Proj4 string.'
        )
    return found


@lru_cache(maxsize=256)
def _resolved(text: str) -> Crs | None:
    code = _epsg_code(text)
    if code is not None:
        return _from_proj(text, f"EPSG:{code}")
    if text.startswith("+") or WKT.match(text):
        return _from_proj(text, text)
    return None


def _epsg_code(text: str) -> int | None:
    for pattern in (EPSG_CODE, URN, URL):
        match = pattern.fullmatch(text)
        if match:
            return int(match.group(1))
    if CRS84.fullmatch(text):
        return 4326  # the same datum; all our boxes are longitude first anyway
    return WELL_KNOWN.get(text.upper())


def _from_proj(text: str, definition: str) -> Crs | None:
    is_proj4 = definition.startswith("+")
    if NAMES_A_FILE.search(definition):
        return None
    with _proj_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "you will lose information": both forms are handed on
        from pyproj import CRS
        from pyproj.enums import WktVersion
        from pyproj.exceptions import CRSError

        try:
            crs = CRS.from_user_input(definition)
            if not (crs.is_geographic or crs.is_projected):
                return None
            proj4 = crs.to_proj4() or ""
            wkt = crs.to_wkt(WktVersion.WKT1_GDAL) or crs.to_wkt() or ""
            code = crs.to_epsg(min_confidence=70)
            if is_proj4 and code and _tokens(proj4) != _tokens(CRS.from_epsg(code).to_proj4() or ""):
                code = None
        except (CRSError, ValueError):
            return None
    tidy = " ".join(token for token in proj4.split() if token not in ("+type=crs", "+wktext"))
    return Crs(text, definition if is_proj4 else tidy, wkt, f"EPSG:{code}" if code else "")


def _tokens(proj4: str) -> frozenset[str]:
    """What a PROJ text says, whatever its order and decoration."""
    return frozenset(proj4.split()) - IGNORED_TOKENS


def degrees_from(wkt: str) -> Callable[[float, float], tuple[float, float]]:
    """A function (x, y) -> (longitude, latitude) in degrees (WGS84), from a projection in WKT.

    Raises RequestValidationError when the projection cannot be made out.
    """
    found = None if NAMES_A_FILE.search(wkt) or len(wkt) > LONGEST else wkt
    with _proj_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyproj import Transformer
        from pyproj.exceptions import ProjError

        try:
            transformer = Transformer.from_crs(found, "OGC:CRS84", always_xy=True)
        except ProjError:
            raise RequestValidationError(
                "The provided ESRI Shapefile has a .prj file that could not be made out; allowed: a projection in WKT."
            ) from None

    def transform(x: float, y: float) -> tuple[float, float]:
        lon, lat = transformer.transform(x, y)
        return float(lon), float(lat)

    return transform
