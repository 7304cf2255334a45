"""How to reach an S3 endpoint: address, region, keys. A value; `s3.py` speaks to it, `child.py` provides one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """One endpoint. `endpoint` and `public_endpoint` are `http(s)://host[:port]` without a path.

    public_endpoint: what clients reach, for which links are signed; empty means the endpoint itself.
    ca_file: certificates to trust for https; empty means the system's.
    """

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    public_endpoint: str = ""
    ca_file: str = ""
