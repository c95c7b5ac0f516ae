"""Lines that say how far encoding is, where standard error is no terminal."""

import re

import pytest

from seqjepa.extraction import progress
from seqjepa.extraction.progress import shown_progress


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def said(capsys):
    return [
        re.search(r"([\d,]+) of ([\d,]+) .* about (.*) left", line).groups()
        for line in capsys.readouterr().err.splitlines()
    ]


def test_a_line_now_and_then(clock, capsys):
    with shown_progress("lines", "encoding views", 4000) as advance:
        for _ in range(9):
            clock[0] += 10.0
            advance(100)
    assert said(capsys) == [("300", "4,000", "6 min"), ("600", "4,000", "6 min"), ("900", "4,000", "5 min")]


def test_what_an_earlier_process_encoded_does_not_make_this_one_faster(clock, capsys):
    with shown_progress("lines", "encoding views", 4000, before=3000) as advance:
        for _ in range(30):
            advance(100)  # on the disk already
        for _ in range(3):
            clock[0] += 10.0
            advance(100)
    assert said(capsys) == [("3,300", "4,000", "70 s")]  # a hundred views take ten seconds


def test_nothing_is_said_when_nobody_asks(clock, capsys):
    with shown_progress(False, "encoding views", 100) as advance:
        clock[0] += 1000
        advance(50)
    assert capsys.readouterr().err == ""
