"""The compiler as programs of its own: small shell scripts that a build may call in any way.

Build systems put paths of the machine they run on into commands (``-I/usr/include/python3.11``),
since that is where the running Python says its headers are. Wrong while cross compiling, and only
here is there one place that sees every command; so it is the scripts that point such words into
the sysroot. What the image adds is searched last (``-idirafter``): zig has the C library's headers
for the floor itself, and those of the image are newer. Link time optimisation is left out with zig,
which would make its C library anew for it. The directory of the build may have a random name: it is
kept out of what is compiled, as the places of a step are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cross.compiler import PLACE, TOOLCHAIN, ZIG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.cross.compiler import Compiler

BIN = f"{PLACE}/bin"

STEP = {"/src": ".", "/env": "env"}
PREFIXES = {**STEP, "/sysroot": "", ZIG: "zig"}
"""Paths of a step, and what stands for them in debug information."""

CLANG = {"cc": "zig-clang", "c++": "zig-clang++"}
"""What ccache takes for a compiler: one word, with a name by which it knows the kind."""

COMPILE = """\
#!/bin/sh
# {what} for {triplet}
out= last= link=yes
for word do
  shift
  case $word in
    {own}{ignored}) continue ;;
{moved}    -c|-S|-E|-M|-MM|-fsyntax-only) link= ;;
  esac
  [ "$last" = -o ] && out=$word
  last=$word
  set -- "$@" "$word"
done
[ "$link" ] && set -- "$@"{libraries}
{variables}exec {command} -ffile-prefix-map="$PWD"=. {flags} \\
  -frandom-seed="${{out:-none}}" "$@"{headers}
"""

VARIABLES = f"""\
export ZIG_LIB_DIR={ZIG}/lib ZIG_GLOBAL_CACHE_DIR={TOOLCHAIN}/cache ZIG_LOCAL_CACHE_DIR=/tmp/zig
"""

MOVED = """\
    -I/usr/*|-L/usr/*|-L/lib/*) word=${{word%%/*}}{sysroot}/${{word#*/}} ;;
    /usr/include/*|/usr/lib/*|/lib/*) word={sysroot}$word ;;
"""


def wrappers(compiler: Compiler) -> Iterator[tuple[str, str]]:
    """Yield the path of each script below `PLACE`, and its text."""
    for name in ("cc", "c++"):
        yield f"bin/{name}", _compile(compiler, name)
    for name in ("ar", "ranlib", "strip"):
        yield f"bin/{name}", _tool(compiler, name)
    for name, alias in CLANG.items() if compiler.cached else ():
        yield f"bin/{alias}", f'#!/bin/sh\n# {compiler.cached}\nexec {ZIG}/zig {name} "$@"\n'


def _compile(compiler: Compiler, name: str) -> str:
    root, multiarch = compiler.sysroot, f"{compiler.target.machine}-linux-gnu"
    usual = ("/usr/include", f"/usr/include/{multiarch}")
    libraries = (f"/usr/lib/{multiarch}", f"/lib/{multiarch}")
    own = [*(f"-I{path}" for path in usual), *(f"-L{path}" for path in (*libraries, "/usr/lib"))]
    glibc = compiler.libc == "gnu"
    return COMPILE.format(
        what=f"{compiler.family} {name}",
        triplet=compiler.triplet,
        own="|".join(own),
        ignored="|-flto|-flto=*" if compiler.family == "zig" else "",
        moved=MOVED.format(sysroot=root) if root else "",
        libraries="".join(f" -L{root}{path}" for path in libraries) if glibc else " -dynamic",
        variables=VARIABLES if compiler.family == "zig" else "",
        command=_command(compiler, name),
        flags=" ".join(_flags(compiler)),
        headers="".join(f" -idirafter {root}{path}" for path in usual[: 2 if glibc else 1]),
    )


def _command(compiler: Compiler, name: str) -> str:
    if compiler.cached:
        return f"ccache {BIN}/{CLANG[name]}"
    if compiler.family == "zig":
        return f"{ZIG}/zig {name}"
    return f"{compiler.triplet}-{'gcc' if name == 'cc' else 'g++'}"


def _flags(compiler: Compiler) -> Iterator[str]:
    if compiler.family == "zig":
        # Without -O zig would trap undefined behaviour, which others let pass.
        yield from ("-target", compiler.triplet, "-fno-sanitize=undefined")
    elif compiler.sysroot:
        yield f"--sysroot={compiler.sysroot}"
    yield from prefix_maps(PREFIXES)


def prefix_maps(prefixes: Mapping[str, str]) -> Iterator[str]:
    """Yield the flags of gcc and clang that write down something else for paths of the step."""
    yield from (f"-ffile-prefix-map={path}={name}" for path, name in prefixes.items())


def _tool(compiler: Compiler, name: str) -> str:
    if compiler.family == "gcc":
        return f'#!/bin/sh\nexec {compiler.triplet}-{name} "$@"\n'
    if name == "strip":
        return "#!/bin/sh\n# zig has no such program; what it links is left as it is\n"
    return f'#!/bin/sh\n{VARIABLES}exec {ZIG}/zig {name} "$@"\n'
