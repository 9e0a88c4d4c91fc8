"""Annotations: they are at the mailbox, whatever becomes of the index.  RFC 5464"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.store import annotating
from mailstack.store.foldertext import format_annotations, parse_annotations
from mailstack.store.values import MAX_ANNOTATIONS, Annotated
from tests.store.world import BOB, World, run

NOTES = {"/private/comment": b"one", "/shared/vendor/x/a b": bytes(range(256))}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


def refused(condition, coroutine):
    with pytest.raises(MailError) as caught:
        run(coroutine)
    assert caught.value.condition is condition


def test_set_changed_and_taken_away(world):
    account = world.account()
    assert account.annotations("INBOX") == {}
    run(account.annotate("INBOX", NOTES))
    run(account.annotate("INBOX", {"/private/comment": None, "/private/none": None, "/a": b""}))
    assert account.annotations("INBOX") == {"/a": b"", "/shared/vendor/x/a b": bytes(range(256))}
    assert account.annotations("Sent") == {}
    assert account.annotations(None) == {}
    assert world.account(BOB).annotations("INBOX") == {}
    refused(Condition.NO_SUCH_MAILBOX, account.annotate("Nowhere", NOTES))
    with pytest.raises(MailError):
        account.annotations("Nowhere")


@pytest.mark.parametrize("without_index", [False, True])
@pytest.mark.parametrize("end", ["reopen", "crash"])
def test_they_outlive_the_index(world, end, without_index):
    account = world.account()
    places = ["INBOX", "Sent", "Renamed/Übung", None]
    run(account.create("Work/Übung"))
    for number, place in enumerate(["INBOX", "Sent", "Work/Übung", None]):
        run(account.annotate(place, {**NOTES, "/private/place": b"%d" % number}))
    run(account.rename("Work", "Renamed"))
    getattr(world, end)(without_index=without_index)
    found = [world.account().annotations(place) for place in places]
    assert found == [{**NOTES, "/private/place": b"%d" % number} for number in range(len(places))]
    assert world.account().annotations("Renamed") == {}


@pytest.mark.parametrize("without_index", [False, True])
def test_they_go_with_the_mailbox(world, without_index):
    account = world.account()
    run(account.annotate("Sent", NOTES))
    run(account.delete("Sent"))
    run(account.create("Sent"))
    assert account.annotations("Sent") == {}
    world.reopen(without_index=without_index)
    assert world.account().annotations("Sent") == {}


def test_inbox_keeps_its_own_when_it_is_renamed(world):
    account = world.account()
    run(account.annotate("INBOX", NOTES))
    run(account.rename("INBOX", "Old"))
    world.reopen(without_index=True)
    assert world.account().annotations("INBOX") == world.account().annotations("Old") == NOTES


def test_rebuilt(world):
    run(world.account().annotate("Sent", NOTES))
    run(world.store.rebuild("alice@demo.test"))
    assert world.account().annotations("Sent") == NOTES


def test_too_many_at_one_place(world):
    account = world.account()
    run(account.annotate("Sent", {f"/private/{n}": b"" for n in range(MAX_ANNOTATIONS)}))
    refused(Condition.LIMIT, account.annotate("Sent", {"/private/0": b"new", "/private/more": b""}))
    assert account.annotations("Sent")["/private/0"] == b""
    run(account.annotate("Sent", {"/private/0": None, "/private/more": b""}))
    run(account.annotate("Trash", {"/private/more": b""}))


def test_too_much_in_one_account(world, monkeypatch):
    monkeypatch.setattr(annotating, "MAX_OCTETS", 3000)
    account = world.account()
    run(account.annotate("Sent", {"/a": b"x" * 600}))
    refused(Condition.OVER_QUOTA, account.annotate(None, {"/a": b"x" * 600}))  # each costs 1024 more
    assert account.annotations(None) == {}
    run(account.annotate("Sent", {"/a": None}))
    run(account.annotate(None, {"/a": b"x" * 600}))


def test_too_much_at_one_place(world):
    account = world.account()
    most = annotating.MAX_OCTETS_HERE
    run(account.annotate("Sent", {f"/{n}": b"x" * (most // 4 - 2) for n in range(4)}))
    refused(Condition.OVER_QUOTA, account.annotate("Sent", {"/5": b""}))
    run(account.annotate("Sent", {"/0": None}))
    run(account.annotate("Sent", {"/5": b""}))


def test_what_changed_is_told(world):
    account = world.account()
    changes = []
    account.watch(changes.append)
    source = object()
    run(account.annotate("Sent", {"/b": b"1", "/a": b"1", "/none": None}, source=source))
    run(account.annotate("Sent", {"/b": b"1"}))
    run(account.annotate(None, {"/c": b"1"}))
    assert changes == [
        Annotated(account.name, changes[0].folder, ("/a", "/b")),
        Annotated(account.name, None, ("/c",)),
    ]
    assert changes[0].folder.name == "Sent"
    assert changes[0].source is source


@given(st.dictionaries(st.from_regex(r"/[ -~]{1,20}", fullmatch=True), st.binary()))
def test_text_round_trip(values):
    assert parse_annotations(format_annotations(values)) == values


@given(st.text())
def test_any_text_is_read(text):
    assert all(name.startswith("/") for name in parse_annotations(text))
