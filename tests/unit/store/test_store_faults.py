from __future__ import annotations

import errno
import os

import pytest

from pipeline.errors import StoreError
from pipeline.store.faults import guarded, store_error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_points_to_pruning_and_to_another_disk(code: int) -> None:
    error = store_error(OSError(code, os.strerror(code), "/some/file"), "writing")
    assert "/some/file" in str(error)
    assert os.strerror(code) in str(error)
    assert "pipeline cache prune" in error.hint
    assert "PIPELINE_CACHE_DIR" in error.hint


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EXDEV, errno.EIO])
def test_every_refusal_of_the_kernel_names_a_way_out(code: int) -> None:
    with pytest.raises(StoreError) as caught, guarded("writing", "/some/store"):
        raise OSError(code, os.strerror(code))
    assert "/some/store" in str(caught.value)
    assert "PIPELINE_CACHE_DIR" in caught.value.hint
    assert caught.value.exit_code == 1
    assert isinstance(caught.value.__cause__, OSError)
