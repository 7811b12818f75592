"""What a session's machine sends, at random: its list of ports and its replies. Readers must stay total and bounded."""

import json
import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from desktop_app.domain.access.listening import MAX_COMMAND, MAX_NAME, Kind, read_forward, read_listening, shown
from desktop_app.domain.access.port_services import TABLE, is_plumbing, service_of
from desktop_app.services.ports.view import PortsView, view_of
from remote_bootstrap import contract
from tests.support.fuzzing import thorough

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
ADDRESSES = st.ip_addresses().map(str) | st.text(max_size=20) | SCALARS
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "port": st.integers(-10, 70_000) | SCALARS,
        "address": ADDRESSES,
        "pid": st.integers() | SCALARS,
        "process": st.text(max_size=200) | SCALARS,
        "command": st.text(max_size=900) | SCALARS,
        "session": st.booleans() | SCALARS,
    },
)
LISTS = st.fixed_dictionaries({"ports": st.lists(ROWS | JSON, max_size=12) | JSON})


@thorough
@given(LISTS)
def test_a_list_of_ports_is_read_without_surprise(value: dict[str, Any]) -> None:
    rows = read_listening(value)
    assert len({row.port for row in rows}) == len(rows)
    for row in rows:
        assert 0 < row.port < 65536
        assert row.pid >= 0
        assert len(row.process) <= MAX_NAME and len(row.command) <= MAX_COMMAND
        assert (row.process + row.command).isprintable()
        assert all(c in string.hexdigits + ".:" for c in row.host)
        assert row.label
    assert set(shown(rows, [])) <= set(rows)


@thorough
@given(LISTS, st.lists(JSON, max_size=5))
def test_what_is_shown_survives_the_way_to_another_process(value: dict[str, Any], forwards: list[Any]) -> None:
    good = [one for one in map(read_forward, forwards) if one is not None]
    view = view_of(read_listening(value), good, frozenset({"tensorboard"}), 0)
    assert PortsView.from_json(json.loads(json.dumps(view.to_json()))) == view


@thorough
@given(
    st.text(max_size=60),
    st.lists(st.sampled_from([word for one in TABLE for word in one.words]) | st.text(max_size=12), max_size=6),
    st.integers(1, 65535),
)
def test_naming_a_service_is_total(process: str, words: list[str], port: int) -> None:
    service = service_of(process, " ".join(words), port)
    assert service is None or service in TABLE
    is_plumbing(service, port)


@thorough
@given(st.fixed_dictionaries({}, optional={"kind": st.sampled_from([k.value for k in Kind]) | JSON,
       "local_port": st.integers(-5, 70_000) | JSON, "remote_port": st.integers(-5, 70_000) | JSON,
       "host": ADDRESSES}))  # fmt: skip
def test_a_forward_that_was_written_down_makes_sense_or_is_left_out(value: dict[str, Any]) -> None:
    found = read_forward(value)
    assert found is None or (0 < found.local_port < 65536 and 0 <= found.remote_port < 65536)


@thorough
@given(st.text() | JSON.map(json.dumps) | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
def test_a_reply_is_read_or_refused_in_words(line: str) -> None:
    for read in (contract.Reply.loads, contract.Request.loads, contract.Report.loads, contract.Record.loads):
        try:
            read(line)
        except contract.ContractError as error:
            assert str(error)


REPLIES = st.fixed_dictionaries(
    {}, optional={"id": SCALARS, "ok": SCALARS, "result": JSON, "error": JSON, "event": JSON, "op": JSON, "args": JSON}
)


@thorough
@given(REPLIES)
def test_a_reply_that_is_read_holds_what_it_promises(value: dict[str, Any]) -> None:
    try:
        reply = contract.Reply.loads(json.dumps(value))
    except contract.ContractError:
        return
    assert type(reply.id) is int and type(reply.ok) is bool
    assert isinstance(reply.result, dict)
    assert isinstance(reply.error, str) and isinstance(reply.event, str)


REPORTS = st.fixed_dictionaries(
    {"phase": st.text(max_size=80) | SCALARS, "sequence": st.integers() | SCALARS, "apps": st.dictionaries(
        st.text(max_size=10), st.fixed_dictionaries({}, optional={"state": SCALARS, "detail": JSON, "port": JSON,
                                                                   "secret": JSON}) | JSON, max_size=3) | JSON},
    optional={"detail": JSON, "seconds": JSON, "contract": JSON, "notices": JSON},
)  # fmt: skip


@thorough
@given(REPORTS)
def test_a_report_is_read_or_refused(value: dict[str, Any]) -> None:
    try:
        report = contract.Report.from_json(value)
    except contract.ContractError:
        return
    assert len(report.phase) <= contract.MAX_WORD
    assert len(report.detail) <= contract.MAX_SENTENCE
    json.dumps(report.public().to_json())
