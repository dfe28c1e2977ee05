from __future__ import annotations

from pipeline.execute.logs import Turns


class Recorder:
    shows = True

    def __init__(self) -> None:
        self.said: list[str] = []

    def begin(self, title: str) -> None:
        self.said.append(f"<{title}>")

    def write(self, data: bytes) -> None:
        self.said.append(data.decode())

    def end(self) -> None:
        self.said.append("</>")


def test_blocks_of_cells_that_run_together_are_never_mixed() -> None:
    recorder = Recorder()
    turns = Turns(recorder)
    with turns.block("a") as a:
        a(b"a1 ")
        with turns.block("b") as b:
            b(b"b1 ")
            a(b"a2 ")
            b(b"b2 ")
        assert "b1" not in "".join(recorder.said)
    assert "".join(recorder.said) == "<a>a1 a2 </><b>b1 b2 </>"


def test_a_waiting_cell_is_shown_live_once_its_turn_has_come() -> None:
    recorder = Recorder()
    turns = Turns(recorder)
    first, second = turns.block("a"), turns.block("b")
    a, b = first.__enter__(), second.__enter__()
    a(b"a")
    b(b"b1 ")
    first.__exit__(None, None, None)
    b(b"b2")
    assert "".join(recorder.said) == "<a>a</><b>b1 b2"
    second.__exit__(None, None, None)
    assert recorder.said[-1] == "</>"


def test_a_cell_that_says_nothing_is_no_block() -> None:
    recorder = Recorder()
    with Turns(recorder).block("silent"):
        pass
    assert recorder.said == []
