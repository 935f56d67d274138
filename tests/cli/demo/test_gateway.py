from uuid import uuid4

from cli.demo.gateway import compare

ONE, TWO, THREE = uuid4(), uuid4(), uuid4()


def test_the_same_messages_each_once():
    found = compare({ONE: True, TWO: True, THREE: False}, {ONE: 1, TWO: 1}, set())
    assert found.exact
    assert found.received == 2


def test_sent_but_never_taken():
    assert compare({ONE: True, TWO: True}, {ONE: 1}, set()).missing == 1


def test_taken_but_not_sent():
    assert compare({ONE: False}, {ONE: 1}, set()).unexpected == 1


def test_taken_but_unknown():
    assert compare({}, {ONE: 1}, set()).unexpected == 1


def test_taken_twice():
    found = compare({ONE: True}, {ONE: 2}, set())
    assert found.repeated == 1
    assert not found.exact


def test_messages_of_other_tenants_are_not_judged():
    found = compare({ONE: True}, {ONE: 1, TWO: 3}, {TWO})
    assert found.exact
    assert found.received == 1
