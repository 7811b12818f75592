"""Libraries for buckets."""

import pytest

from desktop_app.domain.launch.storage import storage_packages


@pytest.mark.parametrize(
    ("files_url", "listed", "expected"),
    [
        ("s3://bucket/x", [], ("boto3>=1.9",)),
        ("S3://bucket", ["tqdm"], ("boto3>=1.9",)),
        ("gs://bucket", [], ("google-cloud-storage>=1.13.2",)),
        ("azure://account.blob.core.windows.net/x", [], ("azure-storage-blob>=12.0.0",)),
        ("s3://bucket", ["boto3==1.40"], ()),
        ("gs://bucket", ["Google_Cloud_Storage[x] >= 2"], ()),
        ("https://files.clear.ml", [], ()),
        ("", [], ()),
    ],
)
@pytest.mark.parity("--disable-storage-packages")
def test_what_a_file_server_needs(files_url: str, listed: list[str], expected: tuple[str, ...]) -> None:
    assert storage_packages(files_url, listed) == expected
