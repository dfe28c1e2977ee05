from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError, VerificationError
from pipeline.locking.credentials import pip_client
from pipeline.network.download import Goal, StoppedError, download
from pipeline.network.faults import GoneError, has_route
from pipeline.network.transport import ATTEMPTS, ATTEMPTS_TO_CONNECT, Client

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store
    from tests.unit.locking.conftest import Answers, Site

DATA = bytes(range(256)) * 1200
GOAL = Goal(name="thing.deb", sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA))


def moved_nowhere(_: int) -> None:
    """Take no note of progress."""


def test_a_file_comes_into_the_store_and_leaves_no_partial(
    site: Site, client: Client, store: Store
) -> None:
    site.put("/a", DATA)
    seen: list[int] = []
    download(client, [f"{site.address}/a"], GOAL, store, seen.append)
    assert store.read_blob(GOAL.sha256) == DATA
    assert sum(seen) == len(DATA)
    assert not store.partial_path(GOAL.sha256).exists()


def test_a_cut_connection_is_resumed_where_it_stopped(
    site: Site, answers: Answers, client: Client, store: Store
) -> None:
    site.script("/a", answers.cut(DATA, 100_000), answers.whole(DATA))
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA
    assert [headers.get("Range") for _, headers in site.requests] == [None, "bytes=100000-"]


def test_an_interrupted_run_is_resumed_by_the_next(
    site: Site, client: Client, store: Store
) -> None:
    site.put("/a", DATA)
    store.partial_path(GOAL.sha256).write_bytes(DATA[:5000])
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA
    assert site.requests[0][1]["Range"] == "bytes=5000-"


def test_being_stopped_keeps_what_has_come(site: Site, client: Client, store: Store) -> None:
    site.put("/a", DATA)

    def stop(_: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        download(client, [f"{site.address}/a"], GOAL, store, stop)
    kept = store.partial_path(GOAL.sha256).read_bytes()
    assert kept
    assert DATA.startswith(kept)


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    site: Site, answers: Answers, client: Client, store: Store
) -> None:
    site.script("/a", answers.ignoring_range(DATA))
    store.partial_path(GOAL.sha256).write_bytes(DATA[:5000])
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA


def test_a_range_that_is_refused_is_read_from_the_start(
    site: Site, answers: Answers, client: Client, store: Store
) -> None:
    site.script("/a", answers.status(416), answers.whole(DATA))
    store.partial_path(GOAL.sha256).write_bytes(DATA[:5000])
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA


def test_wrong_bytes_of_an_earlier_run_are_thrown_away(
    site: Site, client: Client, store: Store
) -> None:
    site.put("/a", DATA)
    store.partial_path(GOAL.sha256).write_bytes(b"x" * 5000)
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA


def test_a_partial_that_may_not_be_written_is_taken_over(
    site: Site, client: Client, store: Store
) -> None:
    site.put("/a", DATA)
    partial = store.partial_path(GOAL.sha256)
    partial.write_bytes(DATA[:5000])
    partial.chmod(0o444)
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA


def test_a_flipped_byte_is_fetched_again(
    site: Site, answers: Answers, client: Client, store: Store
) -> None:
    flipped = DATA[:-1] + b"!"
    site.script("/a", answers.whole(flipped), answers.whole(DATA))
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA


@pytest.mark.parametrize("wrong", [DATA[:-1] + b"!", DATA + b"more"])
def test_bytes_that_stay_wrong_are_refused_by_name(
    site: Site, client: Client, store: Store, wrong: bytes
) -> None:
    site.put("/a", wrong)
    with pytest.raises(VerificationError, match=r"`thing\.deb`") as caught:
        download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert GOAL.sha256 in str(caught.value)
    assert not store.has_blob(GOAL.sha256)
    assert store.partial_path(GOAL.sha256).stat().st_size == 0


def test_a_file_that_is_too_short_is_an_error_and_not_stored(
    site: Site, client: Client, store: Store
) -> None:
    site.put("/a", DATA[:1000])
    with pytest.raises((NetworkError, VerificationError)):
        download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert not store.has_blob(GOAL.sha256)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_statuses_that_ask_for_it_are_tried_again(
    site: Site, answers: Answers, client: Client, store: Store, code: int
) -> None:
    site.script("/a", answers.status(code), answers.status(code), answers.whole(DATA))
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert len(site.requests) == 3


def test_a_server_that_says_when_to_come_back_is_obeyed(
    site: Site, answers: Answers, settings: Settings, store: Store
) -> None:
    site.script("/a", answers.status(429, Retry_After="17"), answers.whole(DATA))
    waits: list[float] = []
    client = pip_client(settings, sleep=waits.append)
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert waits == [17.0]


def test_attempts_end(site: Site, answers: Answers, client: Client, store: Store) -> None:
    site.script("/a", answers.status(500))
    with pytest.raises(NetworkError, match="status 500"):
        download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert len(site.requests) == ATTEMPTS


def test_a_refusal_is_not_tried_again(
    site: Site, answers: Answers, client: Client, store: Store
) -> None:
    site.script("/a", answers.status(403))
    with pytest.raises(NetworkError, match="status 403"):
        download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert len(site.requests) == 1


def test_the_next_mirror_is_asked_when_one_fails_or_has_other_bytes(
    site: Site, client: Client, store: Store
) -> None:
    site.put("/wrong", DATA[:-1] + b"!")
    site.put("/right", DATA)
    addresses = [f"{site.address}/{name}" for name in ("absent", "wrong", "right")]
    download(client, addresses, GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA


def test_a_file_that_is_nowhere_is_said_to_be_gone(
    site: Site, client: Client, store: Store
) -> None:
    with pytest.raises(GoneError):
        download(client, [f"{site.address}/a", f"{site.address}/b"], GOAL, store, moved_nowhere)


def test_redirects_are_followed_to_a_limit(
    site: Site, answers: Answers, client: Client, store: Store
) -> None:
    site.script("/a", answers.status(302, Location="/b"))
    site.put("/b", DATA)
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert store.has_blob(GOAL.sha256)
    site.script("/round", answers.status(302, Location="/round"))
    with pytest.raises(NetworkError):
        client.get(f"{site.address}/round")
    assert site.paths().count("/round") <= 12


def test_a_redirect_to_a_file_of_this_machine_is_refused(
    site: Site, answers: Answers, client: Client
) -> None:
    site.script("/a", answers.status(302, Location="file:///etc/hostname"))
    with pytest.raises(NetworkError):
        client.get(f"{site.address}/a")


def test_a_host_that_does_not_answer_is_a_network_error(client: Client) -> None:
    with pytest.raises(NetworkError, match="connection failed"):
        client.get("http://127.0.0.1:9/nothing")


def test_a_host_that_could_not_be_reached_is_not_waited_for_again() -> None:
    waits: list[float] = []
    client = Client(sleep=waits.append, routed=lambda: True)
    for name in ("one", "two", "three"):
        with pytest.raises(NetworkError, match="connection failed"):
            client.get(f"http://127.0.0.1:9/{name}")
    assert len(waits) == ATTEMPTS_TO_CONNECT - 1


def test_where_no_way_leads_out_nothing_is_waited_for() -> None:
    waits: list[float] = []
    client = Client(sleep=waits.append, routed=lambda: False)
    with pytest.raises(NetworkError, match="connection failed"):
        client.get("http://127.0.0.1:9/")
    assert waits == []


def test_once_a_host_cannot_be_reached_no_other_is_waited_for() -> None:
    waits: list[float] = []
    client = Client(sleep=waits.append, routed=lambda: True)
    with pytest.raises(NetworkError, match="4 attempts"):
        client.get("http://127.0.0.1:9/")
    with pytest.raises(NetworkError, match="no other host can be reached"):
        client.get("http://127.0.0.2:9/")
    assert len(waits) == ATTEMPTS_TO_CONNECT - 1


def test_a_server_is_reached_whatever_it_answers(site: Site, client: Client) -> None:
    client.reach(f"{site.address}/nothing/")
    with pytest.raises(NetworkError):
        client.reach("http://127.0.0.1:9/")


BRIDGE = "Iface\tDestination\tGateway\ndocker0\t000011AC\t00000000\t0001\n"
OUT = BRIDGE + "eth0\t00000000\t010200C0\t0003\n"
OUT_6 = f"{'0' * 32} 00 {'0' * 32} 00 fd{'0' * 29}1 00000400 00000002 00000000 00000003     eth0\n"
LO_6 = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"


@pytest.mark.parametrize(
    ("tables", "routed"),
    [
        (["", LO_6], False),
        ([BRIDGE, LO_6], False),
        ([OUT, ""], True),
        (["", LO_6 + OUT_6], True),
        ([], True),
    ],
)
def test_a_way_out_is_a_default_route(tmp_path: Path, tables: list[str], *, routed: bool) -> None:
    paths = [tmp_path / "ipv4", tmp_path / "ipv6"]
    for path, text in zip(paths, tables, strict=False):
        path.write_text(text)
    assert has_route(paths) is routed


def test_a_download_ends_when_another_run_was_faster(
    site: Site, client: Client, store: Store
) -> None:
    store.add_blob(DATA)
    download(client, [f"{site.address}/a"], GOAL, store, moved_nowhere)
    assert site.requests == []


def test_a_local_file_is_copied_and_checked(client: Client, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "thing.deb"
    file.write_bytes(DATA)
    download(client, [file.as_uri()], GOAL, store, moved_nowhere)
    assert store.read_blob(GOAL.sha256) == DATA
