"""Hold a wheel to its platform tag: check it, put foreign libraries into it, rename it.

Run as ``repair.py --tag=manylinux_2_28 --machine=aarch64 [--exclude=PATTERN] BUILT OUT``.
auditwheel does the work. Its command line knows no tags but those of the machine and the C library
that it runs on, so it is called as a library, whose major version the lock keeps.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from auditwheel.architecture import Architecture
from auditwheel.lddtree import LIBPYTHON_RE, parse_ld_so_conf
from auditwheel.libc import Libc
from auditwheel.patcher import ElfPatcher
from auditwheel.repair import repair_wheel
from auditwheel.wheel_abi import analyze_wheel_abi

from pipeline.inside.repair_checks import (
    MUSL,
    Graft,
    Wanted,
    elves_of,
    note_unused,
    opened,
    refuse_missing,
    refuse_strangers,
    refuse_too_new,
    with_loose_bound,
)
from pipeline.inside.repair_symbols import Policy
from pipeline.inside.shared import RefusedError, one_wheel, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from auditwheel.policy import WheelPolicies
    from auditwheel.wheel_abi import WheelAbIInfo

SYSROOT = Path("/sysroot")
DIRECTORIES = ("usr/local/lib", "usr/lib", "lib")


def main(arguments: Sequence[str]) -> None:
    """Read the wheel in one directory and write the repaired one into another."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--exclude", action="append", default=[])
    parser.add_argument("built", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    # It looks for musl on the machine it runs on, and says that there is none.
    logging.getLogger("auditwheel.policy").setLevel(logging.ERROR)
    wheel = one_wheel(given.built)
    given.out.mkdir(parents=True, exist_ok=True)
    if wheel.name.endswith("-none-any.whl"):
        shutil.copy(wheel, given.out)
        return
    wanted = Wanted(tag=given.tag, machine=given.machine, exclude=tuple(given.exclude))
    repair(wheel, wanted, given.out)


def repair(wheel: Path, wanted: Wanted, out: Path) -> None:
    """Check a wheel, then write the repaired one; RefusedError tells all that is wrong."""
    path = search_path(SYSROOT if SYSROOT.is_dir() else Path("/"), wanted)
    elves = tuple(elves_of(wheel))
    refuse_strangers(wheel, elves, wanted)
    elves = with_loose_bound(elves, path)
    found = _analyse(wheel, wanted, path)
    policies = _policies(found.policies)
    if wanted.tag not in policies:
        raise RefusedError(
            f"auditwheel knows no `{wanted.tag}` for {wanted.machine}",
            hint=f"choose one of {', '.join(f'`{tag}`' for tag in policies)}",
        )
    grafts = tuple(_grafts(found, wanted))
    vendored = tuple(opened(grafts))
    files = (*elves, *vendored)
    refuse_missing(files, grafts, place="sysroot" if SYSROOT.is_dir() else "image")
    refuse_too_new(elves, vendored, policies, wanted)
    _refuse_the_rest(wheel, found, wanted)
    note_unused(files, wanted)
    policy = found.policies.get_policy_by_name(wanted.platform)
    repair_wheel(
        found,
        wheel,
        abis=[policy.name, *policy.aliases],
        lib_sdir=".libs",
        out_dir=out,
        update_tags=True,
        patcher=ElfPatcher.get_patcher("patchelf", policy.name),
        strip=False,
        zip_compression_level=zlib.Z_BEST_SPEED,  # archives are packed again outside
    )


def _analyse(wheel: Path, wanted: Wanted, path: Sequence[str]) -> WheelAbIInfo:
    try:
        return analyze_wheel_abi(
            Libc(wanted.libc),
            Architecture(wanted.machine),
            wheel,
            frozenset({*wanted.exclude, *([MUSL] if wanted.libc == "musl" else [])}),
            disable_isa_ext_check=False,
            allow_graft=True,
            requested_policy_base_name=wanted.tag,
            args_ldpaths=":".join(path),
        )
    except RuntimeError as error:  # a library in purelib
        raise RefusedError(" ".join(str(error).split())) from error


def search_path(root: Path, wanted: Wanted) -> tuple[str, ...]:
    """Return where libraries of the target lie below a root, in the order of Debian's loader.

    A sysroot is searched alone. Nothing may have run `ldconfig`, so multiarch places are named.
    """
    triplet = f"{wanted.machine}-linux-{'musl' if wanted.libc == 'musl' else 'gnu'}"
    own = [str(root / directory / triplet) for directory in DIRECTORIES]
    configured = parse_ld_so_conf(str(root / "etc/ld.so.conf"), root=f"{root}/".replace("//", "/"))
    common = [str(root / f"{directory}{bits}") for directory in DIRECTORIES for bits in ("64", "")]
    return (*own, *configured, *common)


def _policies(known: WheelPolicies) -> Mapping[str, Policy]:
    """Return auditwheel's policies by tag, the oldest first."""
    machine = f"_{known.architecture.baseline.value}"
    found = [
        Policy(tag=policy.name.removesuffix(machine), versions=policy.symbol_versions)
        for policy in sorted(known, key=lambda policy: policy.priority, reverse=True)
        if policy != known.linux
    ]
    return {policy.tag: policy for policy in found}


def _grafts(found: WheelAbIInfo, wanted: Wanted) -> Iterator[Graft]:
    libraries: dict[str, Path | None] = {}
    for references in found.full_external_refs.values():
        libraries |= references[wanted.platform].libs
    for soname, path in sorted(libraries.items()):
        if not LIBPYTHON_RE.match(soname):  # auditwheel takes it out: the interpreter has it
            yield Graft(soname=soname, path=path)


def _refuse_the_rest(wheel: Path, found: WheelAbIInfo, wanted: Wanted) -> None:
    """Refuse what auditwheel finds beyond libraries and versions."""
    policy = found.policies.get_policy_by_name(wanted.platform)
    internal = found.external_refs[wanted.platform].blacklist
    if internal:
        raise RefusedError(
            *(
                f"`{wheel.name}` uses `{symbol}`, which `{library}` does not offer everywhere, so "
                f"`{wanted.tag}` forbids it"
                for library, symbols in sorted(internal.items())
                for symbol in symbols
            ),
            hint=f"link `{min(internal)}` statically, or do without the symbol",
        )
    if policy > found.machine_policy:
        raise RefusedError(
            f"`{wheel.name}` demands more of the processor than every {wanted.machine} has, so it "
            f"cannot be `{wanted.platform}`",
            hint="compile without `-march` flags that the linker records",
        )


if __name__ == "__main__":
    sys.exit(run(main))
