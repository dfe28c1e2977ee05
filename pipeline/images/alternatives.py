"""The alternatives of Debian that builds call: names that only a maintainer script would link.

A table and not a reading of those scripts, which are programs and not data. It holds what compiles
and links, and the few tools that build scripts expect under their common name; a name that is
missing here can be had by its own (``/usr/bin/vim.tiny``).
"""

from __future__ import annotations

from pipeline.platforms import Target

PROGRAMS = {
    "aclocal": ("aclocal-1.18", "aclocal-1.17", "aclocal-1.16"),
    "automake": ("automake-1.18", "automake-1.17", "automake-1.16"),
    "awk": ("gawk", "mawk", "original-awk", "busybox"),
    "c++": ("g++", "clang++"),
    "c89": ("c89-gcc",),
    "c99": ("c99-gcc",),
    "cc": ("gcc", "clang", "tcc"),
    "f77": ("gfortran",),
    "f95": ("gfortran",),
    "faked": ("faked-sysv", "faked-tcp"),
    "fakeroot": ("fakeroot-sysv", "fakeroot-tcp"),
    "lzma": ("xz",),
    "nawk": ("gawk", "mawk", "original-awk"),
    "pager": ("less", "more"),
    "python3": tuple(f"python3.{minor}" for minor in range(20, 8, -1)),
    "sh": ("dash", "bash", "busybox"),
    "unlzma": ("unxz",),
    "which": ("which.debianutils", "which.gnu"),
    "yacc": ("bison.yacc", "byacc"),
}
"""Names in ``/usr/bin``, and what they may stand for there, by Debian's priorities."""

OTHERS = {
    "usr/lib/cpp": ("usr/bin/cpp",),
    "usr/sbin/rmt": ("usr/sbin/rmt-tar",),
}

BLAS = ("openblas-pthread", "openblas-openmp", "openblas-serial", "blas", "lapack")
"""Directories below a triplet's, each with one implementation of linear algebra or a part of it."""
BLAS_LIBRARIES = ("libblas", "liblapack", "libopenblas")
BLAS_ENDINGS = (".a", ".so", ".so.0", ".so.3")
BLAS_HEADERS = ("cblas.h", "f77blas.h", "openblas_config.h")
BLAS_CONFIGURATIONS = {
    "blas.pc": ("blas-openblas.pc", "blas.pc"),
    "lapack.pc": ("lapack-openblas.pc", "lapack.pc"),
    "openblas.pc": ("openblas.pc",),
}


def alternatives() -> dict[bytes, tuple[bytes, ...]]:
    """Return each path, and the paths it may be a link to, the best first."""
    found = {
        f"usr/bin/{name}": tuple(f"usr/bin/{candidate}" for candidate in candidates)
        for name, candidates in PROGRAMS.items()
    }
    found |= OTHERS
    for target in Target:
        found |= _linear_algebra(target.triplet)
    return {
        path.encode(): tuple(candidate.encode() for candidate in candidates)
        for path, candidates in found.items()
    }


def _linear_algebra(triplet: str) -> dict[str, tuple[str, ...]]:
    library, include = f"usr/lib/{triplet}", f"usr/include/{triplet}"
    found = {
        f"{library}/{name}{ending}": tuple(f"{library}/{way}/{name}{ending}" for way in BLAS)
        for name in BLAS_LIBRARIES
        for ending in BLAS_ENDINGS
    }
    found |= {
        f"{include}/{name}": tuple(f"{include}/{way}/{name}" for way in BLAS)
        for name in BLAS_HEADERS
    }
    return found | {
        f"{library}/pkgconfig/{name}": tuple(
            f"{library}/{way}/pkgconfig/{candidate}" for way in BLAS for candidate in candidates
        )
        for name, candidates in BLAS_CONFIGURATIONS.items()
    }
