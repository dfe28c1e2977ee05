"""What holds inside a step: each row of the table in docs/design/sandbox.md, tried from inside."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import calls
from pipeline.sandbox.launch import launch
from pipeline.sandbox.spec import Bind

if TYPE_CHECKING:
    from tests.sandbox.conftest import Room

pytestmark = pytest.mark.sandbox

NUMBERS = {
    name: number
    for table in (calls.ALLOWED, calls.CHECKED, calls.REFUSED)
    for name, number in calls.numbers(table, os.uname().machine).items()
}


@pytest.mark.parametrize("kind", ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
def test_every_namespace_is_its_own(room: Room, kind: str) -> None:
    inside = room.shell(f"readlink /proc/self/ns/{kind}").output.strip()
    assert inside.startswith(f"{kind}:[")
    assert inside != os.readlink(f"/proc/self/ns/{kind}")


def test_the_caller_is_uid_0_inside_and_no_other_user_exists(room: Room) -> None:
    ran = room.shell("id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups")
    assert [line.split() for line in ran.lines] == [
        ["0"],
        ["0"],
        ["0", str(os.geteuid()), "1"],
        ["0", str(os.getegid()), "1"],
        ["deny"],
    ]
    assert room.python("print(attempt(os.setuid, 1))").output.strip() == "EINVAL"


def test_no_process_of_the_host_and_not_even_pid_1_can_be_seen(room: Room) -> None:
    ran = room.python("""
        print(sorted(name for name in os.listdir("/proc") if name.isdigit()))
        print(os.path.exists("/proc/1/cmdline"), os.getppid())
    """)
    assert ran.lines == ["['2']", "False 1"]


def test_pid_1_cannot_be_killed_traced_or_read(room: Room) -> None:
    ran = room.python(f"""
        print(attempt(os.kill, 1, 9))
        print(syscall({NUMBERS["ptrace"]}, 16, 1, 0, 0))
        print(syscall({NUMBERS["process_vm_readv"]}, 1, 0, 0, 0, 0, 0))
        for name in ("exe", "root", "cwd", "fd", "mem", "environ"):
            print(attempt(os.stat, "/proc/1/" + name))
    """)
    assert ran.lines == ["ok", "EPERM", "EPERM", *["EPERM"] * 6]
    assert ran.outcome.reason == "exited"


def test_pid_1_itself_holds_no_capability(room: Room) -> None:
    found: list[str] = []
    others = children(os.getpid())

    def look(_: bytes) -> None:
        (launcher,) = set(children(os.getpid())) - set(others)
        (first,) = children(launcher)
        status = Path(f"/proc/{first}/status").read_text().splitlines()
        found.extend(line.split()[1] for line in status if line.startswith(("CapEff", "CapPrm")))

    launch(replace(room.spec, argv=("/bin/sh", "-c", "echo up; sleep 0.3")), look)
    assert found == ["0" * 16] * 2


def children(parent: int) -> list[int]:
    """Return the processes that any thread of a process has started."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def test_the_hosts_files_cannot_be_reached(room: Room, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(secrets.token_hex())
    ran = room.python(f"""
        paths = [{str(secret)!r}]
        for start in ("/", "/proc/self/root", "/proc/self/cwd", "/proc/2/root", "/proc/1/root"):
            paths += [start + "/.." * deep + {str(secret)!r} for deep in range(4)]
        print([path for path in paths if os.path.exists(path)])
        print(attempt(os.chroot, "/tmp"))
        print({str(tmp_path)!r} in open("/proc/self/mountinfo").read())
    """)
    assert ran.lines == ["[]", "EPERM", "False"]


def test_all_five_capability_sets_are_empty_and_stay_so(room: Room) -> None:
    ran = room.python("""
        lines = open("/proc/self/status").read().splitlines()
        print([line.split()[1] for line in lines if line.startswith("Cap")])
        print([line.split()[1] for line in lines if line.startswith(("NoNewPrivs", "Seccomp:"))])
        securebits = libc.prctl(27, 0, 0, 0, 0)
        print(bin(securebits))
    """)
    assert ran.lines == [str(["0" * 16] * 5), "['1', '2']", "0b11101111"]


def test_a_set_user_id_program_gains_nothing(room: Room) -> None:
    room.shell("cp /bin/cat /tmp/cat; chmod 4755 /tmp/cat; chmod 2755 /tmp/cat")
    ran = room.shell("chmod 6755 /tmp/cat; /tmp/cat /proc/self/status")
    assert "CapEff:\t0000000000000000" in ran.lines
    flags = [line.split()[5] for line in room.shell("cat /proc/self/mountinfo").lines]
    assert flags
    assert all("nosuid" in each.split(",") for each in flags)


@pytest.mark.parametrize("flag", ["user", "mnt", "pid", "net"])
def test_no_namespace_can_be_made_inside(room: Room, flag: str) -> None:
    bits = {"user": 0x10000000, "mnt": 0x20000, "pid": 0x20000000, "net": 0x40000000}[flag]
    ran = room.python(f"""
        print(syscall({NUMBERS["unshare"]}, {bits}))
        print(syscall({NUMBERS["clone"]}, {bits} | 17, 0, 0, 0, 0))
        print(syscall(435, 0, 0))
        print(open("/proc/sys/user/max_user_namespaces").read().strip())
    """)
    assert ran.lines == ["EPERM", "EPERM", "ENOSYS", "0"]


REFUSED = (
    "mount umount2 pivot_root open_tree move_mount setns bpf keyctl add_key perf_event_open"
    " userfaultfd open_by_handle_at syslog sethostname kcmp chroot"
)


@pytest.mark.parametrize("name", REFUSED.split())
def test_calls_that_reach_beyond_a_step_are_refused(room: Room, name: str) -> None:
    ran = room.python(f"print(syscall({NUMBERS[name]}, 0, 0, 0, 0, 0, 0))")
    assert ran.output.strip() == "EPERM"


def test_an_unknown_call_and_io_uring_are_not_there(room: Room) -> None:
    ran = room.python("print(syscall(425, 1, 0), syscall(999))")
    assert ran.output.strip() == "ENOSYS ENOSYS"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x86-64 has two further call tables")
def test_the_other_call_tables_of_x86_are_closed(room: Room) -> None:
    ran = room.python("""
        print(syscall(0x40000000 | 39))
        import mmap
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
        sys.stdout.flush()
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        print("getpid of the 32-bit table answered")
    """)
    assert ran.lines == ["ENOSYS"]
    assert ran.outcome.reason == "signal"


def test_proc_shows_nothing_of_the_machine_that_could_harm_or_tell(room: Room) -> None:
    ran = room.python("""
        for name in ("kcore", "keys", "sysrq-trigger", "timer_list", "kallsyms", "kmsg", "iomem"):
            path = "/proc/" + name
            if os.path.exists(path):
                assert os.stat(path).st_size == 0 and open(path).read() == "", name
                assert attempt(lambda: open(path, "w")) in ("EROFS", "EACCES", "EPERM"), name
        for name in ("acpi", "bus", "fs", "irq", "scsi", "driver", "tty"):
            path = "/proc/" + name
            if os.path.exists(path):
                assert os.listdir(path) == [], name
                assert attempt(os.chmod, path, 0o777) == "EROFS", name
        print("covered")
    """)
    assert ran.lines == ["covered"]


@pytest.mark.parametrize("name", ["kernel/core_pattern", "kernel/hostname", "vm/drop_caches"])
def test_kernel_settings_are_read_only(room: Room, name: str) -> None:
    ran = room.python(f"""
        print(attempt(lambda: open("/proc/sys/{name}", "w")))
    """)
    assert ran.output.strip() in {"EROFS", "EACCES"}


def test_programs_still_read_what_they_need_from_proc(room: Room) -> None:
    ran = room.shell("head -c 1 /proc/cpuinfo /proc/meminfo /proc/stat /proc/self/maps > /dev/null")
    assert (ran.outcome.status, ran.output) == (0, "")


def test_dev_holds_the_harmless_nodes_only(room: Room) -> None:
    ran = room.python("""
        import stat
        print(*sorted(os.listdir("/dev")))
        modes = {name: os.lstat("/dev/" + name).st_mode for name in sorted(os.listdir("/dev"))}
        print(*[name for name, mode in modes.items() if stat.S_ISCHR(mode)])
        open("/dev/null", "w").write("x"); print(open("/dev/zero", "rb").read(2))
        print(attempt(lambda: open("/dev/new", "w")), attempt(os.unlink, "/dev/null"))
        print(attempt(os.mknod, "/tmp/disk", 0o060666, os.makedev(8, 0)))
        print(attempt(os.mknod, "/dev/shm/kmsg", 0o020666, os.makedev(1, 11)))
    """)
    assert ran.lines == [
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero",
        "full null random tty urandom zero",
        "b'\\x00\\x00'",
        "EROFS EROFS",
        "EPERM",
        "EPERM",
    ]


def test_there_is_no_sys(room: Room) -> None:
    (room.base / "sys").mkdir()
    assert room.shell("ls -A /sys").output == ""


def test_no_descriptor_is_inherited(room: Room, tmp_path: Path) -> None:
    leak = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leak, True)  # noqa: FBT003 (positional only)
    try:
        ran = room.python("""
            print([n for n in range(3, 4096) if attempt(os.fstat, n) == "ok"])
            print(os.read(0, 1), os.readlink("/proc/self/fd/0"))
        """)
    finally:
        os.close(leak)
    assert ran.lines == ["[]", "b'' /dev/null"]


def test_no_descriptor_of_the_caller_is_held_while_a_step_runs(room: Room) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)  # noqa: FBT003 (positional only)
    read: list[bytes] = []

    def look(_: bytes) -> None:
        os.close(theirs)
        os.set_blocking(ours, False)
        read.append(os.read(ours, 1))  # nothing, not BlockingIOError: no writer is left

    launch(replace(room.spec, argv=("/bin/sh", "-c", "echo up; sleep 0.3")), look)
    os.close(ours)
    assert read == [b""]


def test_there_is_no_terminal_and_none_can_be_typed_into(room: Room) -> None:
    ran = room.python(f"""
        import fcntl, pty, termios
        print(attempt(lambda: open("/dev/tty")), [os.isatty(n) for n in (0, 1, 2)])
        sys.stdout.flush()
        main, own = pty.openpty()
        if os.fork():
            os.wait()
        else:
            os.setsid()
            print(attempt(fcntl.ioctl, own, termios.TIOCSCTTY, 0))
            print(attempt(fcntl.ioctl, own, termios.TIOCSTI, b"x"))
            print(syscall({NUMBERS["ioctl"]}, own, termios.TIOCSTI | 1 << 40, 0))
    """)
    assert ran.lines == ["ENXIO [False, False, False]", "ok", "EPERM", "EPERM"]


def test_the_network_is_a_loopback_of_its_own(room: Room) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        ran = room.python(f"""
            import socket
            print([name for _, name in socket.if_nameindex()])
            print(attempt(socket.create_connection, ("127.0.0.1", {port})))
            print(attempt(socket.create_connection, ("192.0.2.1", 80)))
            own = socket.create_server(("127.0.0.1", 0))
            print(attempt(socket.create_connection, ("localhost", own.getsockname()[1])))
        """)
    assert ran.lines == ["['lo']", "ECONNREFUSED", "ENETUNREACH", "ok"]


@pytest.mark.parametrize("family", [17, 38, 40, 15, 31])
def test_sockets_that_reach_past_the_network_namespace_are_refused(room: Room, family: int) -> None:
    ran = room.python(f"print(syscall({NUMBERS['socket']}, {family}, 3, 0))")
    assert ran.output.strip() == "EAFNOSUPPORT"


@pytest.mark.parametrize("network", ["none", "host"])
def test_an_abstract_socket_of_the_host_cannot_be_reached(room: Room, network: str) -> None:
    if network == "host" and landlock() < 6:
        pytest.skip("before Linux 6.12 nothing separates abstract sockets on the host's network")
    name = f"\0pipeline-{secrets.token_hex(8)}"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(name)
        server.listen()
        spec = replace(room.spec, network=network)  # type: ignore[arg-type]
        ran = room.python(
            f"""
            import socket
            print(attempt(socket.socket(socket.AF_UNIX).connect, {name!r}))
            """,
            spec,
        )
    assert ran.output.strip() in {"ECONNREFUSED", "EPERM"}


def landlock() -> int:
    """Return the version of Landlock's interface, below one where it is absent."""
    return int(ctypes.CDLL(None).syscall(444, 0, 0, 1))


def test_the_hosts_network_is_there_when_asked_for_and_everything_else_still_holds(
    room: Room,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        ran = room.python(
            f"""
            import socket
            print(attempt(socket.create_connection, ("127.0.0.1", {port})))
            print(attempt(lambda: open("/etc/hosts", "a")))
            print(os.readlink("/proc/self/ns/pid"))
            """,
            replace(room.spec, network="host"),
        )
    assert ran.lines[0] == "ok"
    assert ran.lines[1] in {"EROFS", "EACCES"}
    assert ran.lines[2] != os.readlink("/proc/self/ns/pid")


def test_no_variable_of_the_caller_enters(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = secrets.token_hex()
    monkeypatch.setenv("CANARY", canary)
    spec = replace(room.spec, env=(("PATH", "/usr/bin:/bin"), ("KEPT", "yes")))
    ran = room.shell("env; cat /proc/*/environ", spec)
    assert canary not in ran.output
    assert "KEPT=yes" in ran.lines
    assert set(ran.lines[:3]) <= {"KEPT=yes", "PATH=/usr/bin:/bin", "PWD=/"}


def test_umask_host_name_and_domain_are_fixed(room: Room) -> None:
    before = os.umask(0o077)
    try:
        ran = room.shell("umask; uname -n; cat /proc/sys/kernel/domainname; touch /tmp/file")
    finally:
        os.umask(before)
    assert ran.lines[:2] == ["0022", "buildkitsandbox"]
    assert ran.lines[2:] in ([], [""])
    assert (room.upper / "tmp/file").stat().st_mode & 0o777 == 0o644


def test_the_callers_keys_are_out_of_reach(room: Room) -> None:
    ran = room.python(f"""
        print(syscall({NUMBERS["keyctl"]}, 0, -3, 0), syscall({NUMBERS["request_key"]}, 0, 0, 0, 0))
    """)
    assert ran.output.strip() == "EPERM EPERM"


def test_a_program_that_leads_to_the_launchers_own_binary_is_not_run(room: Room) -> None:
    """CVE-2019-5736: what then runs would hold a descriptor on the host's interpreter."""
    (room.base / "link").symlink_to("/proc/self/exe")
    (room.base / "script").write_text("#!/proc/self/exe\n")
    (room.base / "script").chmod(0o755)
    (room.base / "indirect").write_text("#!/link -c pass\n")
    (room.base / "indirect").chmod(0o755)
    for name in ("/link", "/script", "/indirect", "/proc/self/exe"):
        ran = room.run(replace(room.spec, argv=(name, "-c", "print('ran')")))
        assert ran.outcome.status == 126, name
        assert ran.output == f"{name}: Too many levels of symbolic links\n"


def test_a_read_only_bind_cannot_be_written_or_made_writable(room: Room, tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "file").write_text("kept")
    spec = replace(room.spec, mounts=(*room.spec.mounts, Bind(source=str(host), target="/host")))
    ran = room.python(
        """
        print(attempt(lambda: open("/host/file", "w")), attempt(os.chmod, "/host/file", 0o777))
        print(attempt(os.unlink, "/host/file"), attempt(libc.mount, b"", b"/host", b"", 4128, 0))
        """,
        spec,
    )
    assert ran.lines == ["EROFS EROFS", "EROFS EPERM"]
    assert (host / "file").read_text() == "kept"


def test_changing_a_layer_inside_changes_nothing_on_the_host(room: Room) -> None:
    (room.base / "etc").mkdir()
    (room.base / "etc/file").write_text("kept")
    (room.base / "gone").write_text("kept")
    before = {path: path.lstat() for path in room.base.rglob("*")}
    ran = room.shell("echo new > /etc/file; rm /gone; mkdir /made; chmod 700 /etc; cat /etc/file")
    assert ran.lines == ["new"]
    after = {path: path.lstat() for path in room.base.rglob("*")}
    assert {path: (s.st_mode, s.st_mtime_ns) for path, s in before.items()} == {
        path: (s.st_mode, s.st_mtime_ns) for path, s in after.items()
    }
    assert (room.upper / "etc/file").read_text() == "new\n"


def test_the_interpreter_that_launches_takes_nothing_from_the_environment(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "marshal.py").write_text("raise SystemExit(99)")
    (tmp_path / "os.py").write_text("raise SystemExit(99)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert room.shell("exit 4").outcome.status == 4
