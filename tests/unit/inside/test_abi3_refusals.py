from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.inside.abi3 import refuse_names, refuse_symbols, refuse_tag
from pipeline.inside.shared import RefusedError, one_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def wheel(
    directory: Path, tags: str, generator: str = "hand", files: Mapping[str, bytes] | None = None
) -> Path:
    """Write what of a wheel is looked at."""
    path = directory / f"x-1.0-{tags}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nGenerator: {generator}\n")
        for name, data in (files or {}).items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("tags", ["cp311-abi3-linux_x86_64", "1-cp311-abi3.abi3t-linux_x86_64"])
def test_the_promised_tag_passes(tmp_path: Path, tags: str) -> None:
    refuse_tag(wheel(tmp_path, tags), "cp311")


@pytest.mark.parametrize("tags", ["cp311-cp311", "cp312-abi3", "py3-none"])
def test_another_tag_is_refused_with_both_named(tmp_path: Path, tags: str) -> None:
    with pytest.raises(RefusedError, match=f"`{tags}`, and `abi3: cp311` promises `cp311-abi3`"):
        refuse_tag(wheel(tmp_path, f"{tags}-any"), "cp311")


@pytest.mark.parametrize(
    ("generator", "setting"),
    [
        ("setuptools (80.9.0)", '"py_limited_api": "cp311"'),
        ("scikit-build-core 0.11.6", '`wheel.py-api = "cp311"`'),
        ("meson", "`limited-api = true`"),
    ],
)
def test_the_setting_of_the_backend_that_made_it_is_named(
    tmp_path: Path, generator: str, setting: str
) -> None:
    with pytest.raises(RefusedError) as error:
        refuse_tag(wheel(tmp_path, "cp311-cp311-any", generator), "cp311")
    assert setting in error.value.hint
    assert ";" not in error.value.hint


def test_an_unknown_backend_is_told_all_settings(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as error:
        refuse_tag(wheel(tmp_path, "cp311-cp311-any"), "cp311")
    for backend in ("setuptools", "scikit-build-core", "meson"):
        assert f"with {backend} " in error.value.hint


def test_modules_must_say_that_they_keep_to_the_stable_abi(
    elf: Callable[..., bytes], tmp_path: Path
) -> None:
    module, library = elf(defines=("PyInit_x",)), elf(defines=("helper",))
    good = {"x/_good.abi3.so": module, "x.libs/libhelper.so": library, "x/text.so": b"no ELF file"}
    refuse_names(wheel(tmp_path, "cp311-abi3-any", files=good))
    bad = {"x/_a.cpython-311-x86_64-linux-gnu.so": module, "x/_b.so": module}
    with pytest.raises(RefusedError) as error:
        refuse_names(wheel(tmp_path, "cp311-abi3-any", files=good | bad))
    first, second = error.value.sentences
    assert "`x/_a.cpython-311-x86_64-linux-gnu.so`" in first
    assert "`x/_b.so`" in second


def test_findings_become_sentences_in_a_stable_order() -> None:
    result = {
        "non_abi3_symbols": ["_PyB", "_PyA"],
        "future_abi3_objects": {"PyVectorcall_Call": "3.12"},
    }
    with pytest.raises(RefusedError) as error:
        refuse_symbols([{"name": "_x.abi3.so", "result": result}], "cp311")
    assert error.value.sentences == (
        "`_x.abi3.so` uses `_PyA`, which is not in the stable ABI of any Python",
        "`_x.abi3.so` uses `_PyB`, which is not in the stable ABI of any Python",
        (
            "`_x.abi3.so` uses `PyVectorcall_Call`, which is in the stable ABI since Python 3.12, "
            "and the wheel is tagged `cp311`"
        ),
    )
    assert "`0x030B0000`" in error.value.hint


def test_a_report_without_findings_passes() -> None:
    clean: dict[str, object] = {"non_abi3_symbols": [], "future_abi3_objects": {}}
    refuse_symbols([{"name": "_x.abi3.so", "result": clean}], "cp311")


@pytest.mark.parametrize("names", [(), ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl")])
def test_one_wheel_is_expected(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(RefusedError, match="should have left one wheel"):
        one_wheel(tmp_path)
