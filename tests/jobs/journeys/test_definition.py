import itertools
import json
from datetime import date

import pytest
import yaml

from jobs.journeys.definition import DefinitionError, check_definition, read_definition
from tests.jobs.journeys.journeys import WELCOME

END = {"type": "end"}
SET = {"field": "email", "op": "is_set"}


def journey(**nodes):
    return {"journey": "j", "start": next(iter(nodes)), "nodes": nodes}


def sms(following, **fields):
    return {"type": "send_sms", "body": "Hi", "next": following, **fields}


def condition(when, following="end"):
    return {
        "type": "condition",
        "branches": [{"when": when, "next": following}],
        "default": "end",
    }


def problems(raw):
    with pytest.raises(DefinitionError) as caught:
        check_definition(raw)
    assert "\n" not in str(caught.value)
    return caught.value.problems


WIRING = """
journey: wiring
start: hello
nodes:
  hello: {type: send_sms, body: Hi, next: call}
  call: {type: phone_call, next: which}
  which:
    type: condition
    branches:
      - {when: {field: status, op: eq, value: NEW}, next: again}
      - {when: {field: email, op: is_set}, next: nowhere}
    default: late
  again: {type: send_sms, body: Hello again, next: once_more}
  once_more: {type: send_sms, body: Hello once more, next: again}
  late: {type: send_sms, body: Late}
  done: {type: end}
  lost: {type: delay, days: 1, next: done}
"""
WIRING_PROBLEMS = [
    ("node 'call'", "field 'type'", "'phone_call' is none of send_sms, "),
    ("node 'which'", "edge 'branch-2'", "no node 'nowhere'"),
    ("node 'late'", "field 'next'", "required"),
    ("node 'lost'", "no path from 'hello'"),
    ("node 'again'", "cycle again → once_more → again"),
]
FIELDS = """
journey: fields
start: hello
nodes:
  hello: {type: send_sms, body: "Hi {{ firstname }}", next: which}
  which:
    type: condition
    branches:
      - {when: {field: status, op: equals, value: NEW}, next: pause}
    default: mark
  pause: {type: delay, days: -1, next: mark}
  mark: {type: update_contact, set: {phone: "1"}, next: day}
  day: {type: day, day: 3, at: 9 o'clock, next: done}
  done: {type: end}
"""
FIELDS_PROBLEMS = [
    ("node 'hello'", "field 'body'", "firstname"),
    ("node 'which'", "field 'branches.0.when.op'"),
    ("node 'pause'", "field 'days'"),
    ("node 'mark'", "field 'set.phone'"),
    ("node 'day'", "field 'at'"),
]


@pytest.mark.parametrize(
    ("text", "expected"), [(WIRING, WIRING_PROBLEMS), (FIELDS, FIELDS_PROBLEMS)]
)
def test_five_mistakes_are_five_problems_naming_node_and_field(tmp_path, text, expected):
    path = tmp_path / "five.yaml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        read_definition(path)
    found = caught.value.problems
    assert str(caught.value).startswith(f"{path}: 5 mistakes: ")
    assert len(found) == 5
    for parts in expected:
        assert any(all(part in problem for part in parts) for problem in found), parts


# Each breaks WELCOME, or a small journey, in one way; the words are those its problem holds.
ALONE = {
    "unknown node type": (journey(a={"type": "fax", "next": "end"}, end=END), ["'a'", "'type'"]),
    "unknown node type, no edge": (journey(a={"type": "fax"}, b=sms("end"), end=END), ["'type'"]),
    "no type": (journey(a={"next": "end"}, end=END), ["'a'", "'type'", "choose one of"]),
    "no mapping": (journey(a="hello", end=END), ["'a'", "expected type"]),
    "no next": (journey(a={"type": "send_sms", "body": "x"}, end=END), ["'a'", "'next'"]),
    "no next, chain after it": (
        journey(a={"type": "send_sms", "body": "x"}, b=sms("c"), c=sms("end"), end=END),
        ["'a'", "'next'"],
    ),
    "no default": (
        journey(
            a={
                "type": "condition",
                "branches": condition(SET, "b")["branches"],
            },
            b=END,
            c=END,
        ),
        ["'a'", "'default'"],
    ),
    "edge to an unknown node": (journey(a=sms("nowhere"), end=END), ["'a'", "'nowhere'"]),
    "misspelled edge": (
        journey(a=sms("puase"), end=END, pause={"type": "delay", "days": 1, "next": "end"}),
        ["'a'", "'puase'"],
    ),
    "edge to an unknown node from a branch": (
        journey(a=condition(SET, "nowhere"), end=END),
        ["'a'", "'branch-1'", "'nowhere'"],
    ),
    "unreachable": (journey(a=sms("end"), lost=sms("end"), end=END), ["'lost'", "no path"]),
    "unreachable chain": (
        journey(a=sms("end"), b=sms("c"), c=sms("end"), end=END),
        ["'b'", "no path", "'c'"],
    ),
    "cycle": (journey(a=sms("b"), b=sms("a")), ["'a'", "a → b → a"]),
    "a document whose names are those of edges": (
        journey(
            a={
                "type": "webhook",
                "url": "not one",
                "payload": {"next": "hello", "deep": [{"default": "there"}]},
                "next": "end",
            },
            end=END,
        ),
        ["'a'", "'url'"],
    ),
    "cycle to itself": (journey(a=sms("a")), ["'a'", "a → a"]),
    "broken wait in a cycle": (
        journey(a=sms("b"), b={"type": "delay", "dayss": 1, "next": "a"}),
        ["'b'", "'dayss'"],
    ),
    "broken node that names itself": (
        journey(a=sms("end", body="a", nope=1), end=END),
        ["'a'", "'nope'"],
    ),
    "bad template": (journey(a=sms("end", body="{{ x"), end=END), ["'a'", "'body'", "line 1"]),
    "unknown word": (journey(a=sms("end", body="{{ nam }}"), end=END), ["'a'", "'body'", "nam"]),
    "unknown field of node": (journey(a=sms("end", boddy=1), end=END), ["'a'", "'boddy'"]),
    "comparison of nothing": (journey(a=condition("x"), end=END), ["'a'", "'branches.0.when'"]),
    "comparison, field": (
        journey(a=condition({"field": "nope", "op": "eq", "value": 1}), end=END),
        ["'a'", "'branches.0.when.field'", "nope"],
    ),
    "comparison, value": (
        journey(a=condition({"field": "email", "op": "in", "value": 1}), end=END),
        ["'a'", "'branches.0.when'", "in takes a list"],
    ),
    "comparison, nested": (
        journey(a=condition({"all": [{"any": [{"field": "email", "op": "?"}]}]}), end=END),
        ["'a'", "'branches.0.when.all.0.any.0.op'"],
    ),
    "delay of nothing": (journey(a={"type": "delay", "next": "end"}, end=END), ["'a'", "seconds"]),
    "clock as number": (
        journey(a={"type": "day", "day": 1, "at": 930, "next": "end"}, end=END),
        ["'a'", "'at'", "09:00"],
    ),
    "set of an unknown field": (
        journey(a={"type": "update_contact", "set": {"nam": "x"}, "next": "end"}, end=END),
        ["'a'", "'set.nam'"],
    ),
    "value that is a list": (
        journey(a={"type": "update_contact", "set": {"email": []}, "next": "end"}, end=END),
        ["'a'", "'set.email'"],
    ),
    "start": ({**WELCOME, "start": "hullo"}, ["'start'", "'hullo'"]),
    "no start": ({k: v for k, v in WELCOME.items() if k != "start"}, ["'start'"]),
    "no journey": ({k: v for k, v in WELCOME.items() if k != "journey"}, ["'journey'"]),
    "no nodes": ({"journey": "j", "start": "a", "nodes": {}}, ["'nodes'"]),
    "nodes as a list": ({"journey": "j", "start": "a", "nodes": [END]}, ["'nodes'"]),
    "unknown field": ({**WELCOME, "version": 2}, ["'version'"]),
    "name with a space": (journey(a=sms("b c"), **{"b c": END}), ["'b c'"]),
    "NUL": (journey(a=sms("end", body="x\0y"), end=END), ["'a'", "'body'", "character"]),
    "half a character": (journey(a=sms("end", body="x\ud800y"), end=END), ["'a'", "'body'"]),
    "endless number": (
        journey(a={"type": "delay", "days": float("inf"), "next": "end"}, end=END),
        ["'a'", "'days'", "finite"],
    ),
    "bytes": (journey(a=sms("end"), end=END) | {"name": b"x"}, ["'name'", "bytes"]),
}


@pytest.mark.parametrize(("raw", "words"), ALONE.values(), ids=ALONE)
def test_one_mistake_is_one_problem(raw, words):
    found = problems(raw)
    assert len(found) == 1, found
    assert all(word in found[0] for word in words), found


def test_mistakes_of_outline_and_nodes_are_told_together():
    raw = {
        "journey": "not a key",
        "nodes": {
            "a": {"type": "send_sms", "body": "{{ nope }}", "next": "nowhere", "x": 1},
            "b": {"type": "update_contact", "set": {"no": 1, "nor": 2}, "next": "a"},
        },
    }
    found = problems(raw)
    assert len(found) == 7, found


def test_good_journey_is_kept_as_it_was_written():
    definition = check_definition(WELCOME)
    assert definition.key == definition.name == "welcome"
    assert definition.start == "hello"
    assert list(definition.nodes) == list(WELCOME["nodes"])
    assert definition.source == WELCOME


def write(tmp_path, text, name="journey.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", ["journey.yaml", "journey.yml", "journey.json", "JOURNEY.JSON"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_yaml_and_json_say_the_same(tmp_path, name, bom):
    text = json.dumps(WELCOME) if name.lower().endswith("json") else yaml.safe_dump(WELCOME)
    path = write(tmp_path, bom + text, name)
    assert read_definition(path) == check_definition(WELCOME)


HEAD = "journey: j\nstart: a\nnodes:\n"


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("journey: [", "j.yaml", "not YAML: line 1: "),
        ("a: b: c", "j.yaml", "not YAML: line 1: "),
        ("a: *b", "j.yaml", "not YAML: line 1: "),
        ("a: !!int x", "j.yaml", "not YAML: "),
        ("a: !!bool x", "j.yaml", "not YAML: "),
        ("a: !!timestamp x", "j.yaml", "not YAML: "),
        ("a: !!python/object:os.system x", "j.yaml", "not YAML: line 1: "),
        ("a: " + "9" * 5000, "j.yaml", "not YAML: "),
        ("? [a]\n: b", "j.yaml", "not YAML: line 1: "),
        ("a: 1\n---\nb: 2", "j.yaml", "not YAML: line 2: "),
        ("[" * 100_000, "j.yaml", "nested too deep"),
        (b"\x00\x01\x02", "j.yaml", "not YAML: "),
        (b"\x89PNG\r\n\x1a\n\xff", "j.yaml", "not UTF-8 text"),
        ("x".encode("utf-16"), "j.yaml", "not UTF-8 text"),
        ("", "j.yaml", "not a journey"),
        ("hello", "j.yaml", "not a journey"),
        ("- a", "j.yaml", "not a journey"),
        ("{", "j.json", "not JSON: "),
        ("", "j.json", "not JSON: "),
        ('{"a": NaN}', "j.json", "not JSON: NaN"),
        ('{"a": ' + "9" * 5000 + "}", "j.json", "not JSON: "),
        ("[" * 100_000, "j.json", "nested too deep"),
        (b" " * ((1 << 20) + 1), "j.yaml", "larger than 1 MiB"),
        ("a: &a [*a]", "j.yaml", "too large or nested too deep"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n"
                for a, b in itertools.pairwise("abcdefghi")
            ),
            "j.yaml",
            "too large or nested too deep",
        ),
    ],
    ids=range(25),
)
def test_what_is_no_document_is_one_clear_line(tmp_path, content, name, words):
    path = write(tmp_path, content, name)
    with pytest.raises(DefinitionError) as caught:
        read_definition(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_one_clear_line(tmp_path):
    for path, words in [(tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(DefinitionError) as caught:
            read_definition(path)
        assert caught.value.problems == [f"{words}{caught.value.problems[0][len(words) :]}"]


@pytest.mark.parametrize("name", ["j.yaml", "j.json"])
def test_names_given_twice_are_mistakes(tmp_path, name):
    text = (
        '{"journey": "j", "journey": "k", "start": "a", "nodes": {"a": {"type": "send_sms",'
        ' "body": "x", "body": "y", "next": "b"}, "b": {"type": "end"}, "b": {"type": "end"}}}'
    )
    with pytest.raises(DefinitionError) as caught:
        read_definition(write(tmp_path, text, name))
    assert sorted(caught.value.problems) == [
        "field 'journey': is given twice",
        "node 'a', field 'body': is given twice",
        "node 'b': is given twice",
    ]


def test_names_are_texts_and_scalars_are_what_they_look_like(tmp_path):
    text = (
        HEAD.replace("start: a", "start: on")
        + """
  on: {type: day, day: 1, at: 10:30, next: 1}
  1: {type: send_sms, body: "1", next: off}
  off:
    type: condition
    branches:
      - when: {field: attributes.since, op: ge, value: 2024-02-30}
        next: no
      - when: {field: attributes.since, op: ge, value: 2024-02-03}
        next: no
      - when:
          field: attributes.answer
          op: in
          value: [yes, NO, 007, 0x10, 1_000, +4930, .5, 1e3, "8"]
        next: no
    default: no
  no:
    type: update_contact
    set: {attributes.at: 2024-02-03T10:00:00, company: =, attributes.x: true}
    next: end
  end: {type: end}
"""
    )
    definition = read_definition(write(tmp_path, text))
    assert list(definition.nodes) == ["on", "1", "off", "no", "end"]
    assert definition.nodes["on"].at.isoformat() == "10:30:00"
    branches = definition.nodes["off"].branches
    assert [branch.when.value for branch in branches] == [
        "2024-02-30",
        "2024-02-03",
        ["yes", "NO", "007", "0x10", "1_000", "+4930", 0.5, 1000.0, "8"],
    ]
    assert definition.nodes["no"].set == {
        "attributes.at": "2024-02-03T10:00:00",
        "company": "=",
        "attributes.x": True,
    }
    assert json.loads(json.dumps(definition.source)) == definition.source


def test_any_word_may_name_a_node(tmp_path):
    text = HEAD.replace("start: a", 'start: "true"') + (
        "  true: {type: send_sms, body: x, next: 'null'}\n"
        "  null: {type: send_sms, body: x, next: 12}\n"
        "  12: {type: end}\n"
    )
    assert list(read_definition(write(tmp_path, text)).nodes) == ["true", "null", "12"]


def test_anchors_and_merges_are_yaml_and_overriding_a_merged_name_is_no_mistake(tmp_path):
    text = HEAD + (
        "  a: &sms {type: send_sms, body: one, next: b}\n"
        "  b: &more {<<: *sms, next: c}\n"
        "  c: {<<: *more, body: three, next: end}\n"
        "  end: {type: end}\n"
    )
    nodes = read_definition(write(tmp_path, text)).nodes
    assert [(nodes[key].body, nodes[key].next) for key in "abc"] == [
        ("one", "b"),
        ("one", "c"),
        ("three", "end"),
    ]


def test_dates_given_as_such_become_texts():
    raw = journey(
        a=condition({"field": "enrolled_at", "op": "ge", "value": date(2024, 1, 2)}), end=END
    )
    definition = check_definition(raw)
    assert definition.source["nodes"]["a"]["branches"][0]["when"]["value"] == "2024-01-02"
    assert definition.nodes["a"].branches[0].when.value == "2024-01-02"
