"""PostgreSQL's settings follow the machine."""

import pytest

from instance import postgres

GIGABYTE = 2**30


def megabytes(value):
    assert value.endswith("MB")
    return int(value.removesuffix("MB"))


@pytest.mark.parametrize("gigabytes", [1, 2, 8, 24, 256, 4096])
def test_what_postgresql_takes_leaves_room_for_the_rest(gigabytes):
    found = postgres.settings(gigabytes * GIGABYTE, 4)
    total = gigabytes * 1024
    assert megabytes(found["shared_buffers"]) <= total / 4
    assert megabytes(found["effective_cache_size"]) <= total / 2
    assert megabytes(found["maintenance_work_mem"]) <= total / 8
    assert megabytes(found["work_mem"]) <= max(4, total / 256)


def test_more_memory_is_used_up_to_a_limit():
    small, large, huge = (postgres.settings(size * GIGABYTE, 4) for size in (2, 64, 8192))
    assert megabytes(small["shared_buffers"]) < megabytes(large["shared_buffers"])
    assert megabytes(huge["shared_buffers"]) == 16384


def test_more_cores_make_more_parallel_workers():
    assert postgres.settings(GIGABYTE, 1)["max_parallel_workers_per_gather"] == "1"
    assert postgres.settings(GIGABYTE, 16)["max_parallel_workers_per_gather"] == "8"


def test_the_file_has_all_settings():
    lines = [line for line in postgres.text().splitlines() if not line.startswith("#")]
    wanted = postgres.settings(postgres.memory(), postgres.cores())
    assert dict(line.split(" = ") for line in lines) == wanted
