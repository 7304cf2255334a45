"""The policy for a bucket of the user's own, in the words of the guide."""

import pytest

from appliance.errors import RequestValidationError
from appliance.results.bucket_policy import bucket_policy, parse_bucket_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo-bucket", ("demo-bucket", "")),
        ("demo-bucket/", ("demo-bucket", "")),
        ("demo-bucket/out", ("demo-bucket", "out")),
        ("s3://demo-bucket/out/", ("demo-bucket", "out")),
        ("s3://demo.bucket/a b/(c)", ("demo.bucket", "a b/(c)")),
    ],
)
def test_three_forms_are_read(text: str, expected: tuple[str, str]) -> None:
    assert parse_bucket_path(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "`bucketPath` is a required parameter"),
        ("", "`bucketPath` is a required parameter"),
        ("demo-bucket//out", "repeated forward slashes (//)"),
        ('demo-bucket/"}', "unsupported characters"),
        ("Demo_Bucket", "unsupported characters"),
        ("ab", "unsupported characters"),
        ("demo-bucket/\n", "unsupported characters"),
    ],
)
def test_anything_else_is_refused_in_the_published_words(text: str | None, words: str) -> None:
    with pytest.raises(RequestValidationError, match=words.replace("(", r"\(").replace(")", r"\)")):
        parse_bucket_path(text)


def test_the_policy_is_the_guides() -> None:
    policy = bucket_policy("demo-bucket", "out", "111122223333")
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "write permission",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::demo-bucket/out/*",
            },
            {
                "Sid": "get bucket location permission",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "s3:GetBucketLocation",
                "Resource": "arn:aws:s3:::demo-bucket",
            },
        ],
    }
    for_user = bucket_policy("demo-bucket", "", "111122223333", for_user=True)
    assert all("Principal" not in statement for statement in for_user["Statement"])
    assert for_user["Statement"][0]["Resource"] == "arn:aws:s3:::demo-bucket/*"
