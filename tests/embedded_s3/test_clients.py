"""Clients that the project did not make: GDAL by key and by signed link, and boto3 with its own ways of sending."""

import io
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

BUCKET = "harmony-test"
ROOT = Path(__file__).resolve().parents[2]
GDAL = """
import sys, numpy as np, rasterio
from rasterio.io import MemoryFile
for name in sys.argv[1:]:
    with rasterio.open(name) as raster:
        print(raster.shape, int(raster.read(1, window=((500, 510), (700, 710))).sum()), raster.driver)
"""
GDAL_WRITES = """
import sys, numpy as np, rasterio
from rasterio.transform import from_origin
data = np.arange(40000, dtype="int16").reshape(200, 200)
with rasterio.open(sys.argv[1], "w", driver="GTiff", width=200, height=200, count=1, dtype="int16",
                   crs="EPSG:4326", transform=from_origin(0, 10, 0.1, 0.1)) as raster:
    raster.write(data, 1)
with rasterio.open(sys.argv[1]) as raster:
    print(int(raster.read(1).sum()), raster.crs)
"""
BOTO3 = """
import io, os, sys, hashlib, urllib.request, boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
bucket = sys.argv[1]
s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
for algorithm in ("CRC32", "SHA1", "SHA256", None):
    more = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    s3.put_object(Bucket=bucket, Key="boto/é a", Body=b"x" * 100000, ContentType="a/b", Metadata={"m": "1"}, **more)
found = s3.get_object(Bucket=bucket, Key="boto/é a", Range="bytes=5-9")
assert found["Body"].read() == b"xxxxx" and found["ContentRange"] == "bytes 5-9/100000", found
head = s3.head_object(Bucket=bucket, Key="boto/é a")
assert head["ContentType"] == "a/b" and head["Metadata"] == {"m": "1"} and "ContentEncoding" not in head, head
data = os.urandom(17 << 20)
s3.upload_fileobj(io.BytesIO(data), bucket, "boto/multi", Config=TransferConfig(multipart_chunksize=5 << 20))
into = io.BytesIO()
s3.download_fileobj(bucket, "boto/multi", into)
assert hashlib.sha256(into.getvalue()).digest() == hashlib.sha256(data).digest()
s3.copy({"Bucket": bucket, "Key": "boto/multi"}, bucket, "boto/copy", Config=TransferConfig(multipart_threshold=1 << 20,
        multipart_chunksize=6 << 20))
assert s3.head_object(Bucket=bucket, Key="boto/copy")["ContentLength"] == len(data)
keys = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="boto/",
        PaginationConfig={"PageSize": 2}) for o in page["Contents"]]
assert keys == ["boto/copy", "boto/multi", "boto/é a"], keys
link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "boto/é a",
        "ResponseContentType": "t/u"}, ExpiresIn=60)
answer = urllib.request.urlopen(link)
assert answer.read() == b"x" * 100000 and answer.headers["content-type"] == "t/u"
put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "boto/put"}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(put, b"by link", method="PUT"))
assert s3.get_object(Bucket=bucket, Key="boto/put")["Body"].read() == b"by link"
for call, code in (
    (lambda: s3.get_object(Bucket=bucket, Key="absent"), "NoSuchKey"),
    (lambda: s3.get_object_tagging(Bucket=bucket, Key="boto/put"), "NotImplemented"),
    (lambda: s3.put_object_acl(Bucket=bucket, Key="boto/put", ACL="private"), "NotImplemented"),
):
    try:
        call()
        raise SystemExit("no error where " + code + " was expected")
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in keys + ["boto/put"]]})
assert len(gone["Deleted"]) == 4 and "Errors" not in gone, gone
assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
print("all well")
"""


def run(python: str, script: str, *arguments: str, **environment: str) -> str:
    ended = subprocess.run(
        [python, "-c", script, *arguments],
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def keys_of(server) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": server.access.access_key,
        "AWS_SECRET_ACCESS_KEY": server.access.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def gdal_environment(server) -> dict[str, str]:
    return {
        **keys_of(server),
        "AWS_S3_ENDPOINT": server.netloc,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "GDAL_PAM_ENABLED": "NO",
        "CPL_VSIL_USE_TEMP_FILE_FOR_RANDOM_WRITE": "YES",
    }


def tiff(folder: Path) -> bytes:
    """A raster larger than one read of GDAL's, so that ranges are asked for."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    data = (np.arange(1_200_000) % 30011).astype("int16").reshape(1000, 1200)
    where = {"width": 1200, "height": 1000, "crs": "EPSG:4326", "transform": from_origin(0, 10, 0.01, 0.01)}
    with rasterio.open(folder / "t.tif", "w", driver="GTiff", count=1, dtype="int16", tiled=True, **where) as raster:
        raster.write(data, 1)
    return (folder / "t.tif").read_bytes()


def test_gdal_reads_by_key_and_by_signed_link_and_sees_its_folder(server, tmp_path):
    data = tiff(tmp_path)
    server.minio.put_object(
        bucket_name=BUCKET, object_name="g/ü/t.tif", data=io.BytesIO(data), length=len(data), content_type="image/tiff"
    )
    link = server.minio.get_presigned_url(
        method="GET", bucket_name=BUCKET, object_name="g/ü/t.tif", expires=timedelta(seconds=60)
    )
    names = [str(tmp_path / "t.tif"), f"/vsis3/{BUCKET}/g/ü/t.tif", f"/vsicurl/{link}"]
    lines = run(sys.executable, GDAL, *names, **gdal_environment(server)).splitlines()
    assert len(lines) == 3 and len(set(lines)) == 1
    assert lines[0].startswith("(1000, 1200)")


def test_gdal_writes_by_key(server):
    out = run(sys.executable, GDAL_WRITES, f"/vsis3/{BUCKET}/g/written.tif", **gdal_environment(server))
    assert out.split() == [str(sum(i if i < 32768 else i - 65536 for i in range(40000))), "EPSG:4326"]
    assert (server.root / BUCKET / "g" / "written.tif").stat().st_size > 80_000


def test_boto3_puts_gets_copies_lists_signs_and_deletes(server):
    python = ROOT / ".venv-clients" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"boto3 lives in the clients' environment, which is absent: {python}")
    out = run(str(python), BOTO3, BUCKET, AWS_ENDPOINT_URL_S3=server.access.endpoint, **keys_of(server))
    assert out == "all well\n"
