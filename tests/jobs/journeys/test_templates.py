import pytest

from jobs.journeys.templates import render, render_url, template_facts


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ("Hi", set()),
        ("Hi {{ first_name or 'there' }} {{ attributes.plan }}", {"first_name", "attributes.plan"}),
        ("{{ attributes['my plan'] }}{{ data.code }}", {"attributes.my plan", "data.code"}),
        ("{{ attributes.address.city }}", {"attributes.address"}),
        ("{% if first_name %}{{ first_name }}{% else %}you{% endif %}", {"first_name"}),
        ("{{ tags|join(', ') }}", {"tags"}),
        ("{{ entered_at }}{{ zone }}", {"entered_at", "zone"}),
        ("{{ results.ask.text }}", {"results.ask.text"}),
        ("{{ results['ask-2']['my.field'] or results.ask.n.m }}",
         {"results.ask-2.my.field", "results.ask.n"}),
    ],
)  # fmt: skip
def test_facts_are_the_words_used(source, facts):
    assert template_facts(source) == facts


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ nam }} {{ first }}", "unknown field first, nam"),
        ("{{ attributes }}", "unknown field attributes"),
        ("{{ attributes }}{{ data.x }}", "unknown field attributes"),
        ("{{ attributes[first_name] }}", "unknown field attributes"),
        ("{{ data|length }}{{ data.x }}", "unknown field data"),
        ("{{ results }}", "unknown field results"),
        ("{{ results.ask }}", "unknown field results.ask"),
        ("{{ results.ask[first_name] }}", "unknown field results.ask"),
        ("{{ results['a.b'].text }}", "unknown field results"),
        ("{{ results['é'].text }}", "unknown field results.é.text"),
        ("{% set other = 1 %}", "line 1: no assign here"),
        ("{% for tag in tags %}{{ tag }}{% endfor %}", "line 1: no for here"),
        ("{% macro x() %}{% endmacro %}", "no macro here"),
        ("{{ first_name.upper() }}", "no call here"),
        ("{{ '%0200000000d' % 1 }}", "no mod here"),
        ("{{ 'x'|center(200000000) }}", "No filter named 'center'"),
        ("one\n{{ first_name", "line 2"),
        ("{% if %}", "line 1"),
        ("{{ first_name|nofilter }}", "line 1: No filter named 'nofilter'"),
        ("{{ ['a', 'b']|random }}", "No filter named 'random'"),
        ("{% include 'x' %}", "no include here"),
        ("{% extends first_name %}", "no extends here"),
        ("{{ range }}", "unknown field range"),
        ("{{ lipsum() }}", "no call here"),
        ("{{ 9 ** 9 ** 9 }}", "no pow here"),
        ("{{ attributes.n.append(1) }}", "no call here"),
        ("{{ '%d' % attributes.n }}", "no mod here"),
    ],
)
def test_mistakes_are_told_when_the_journey_is_applied(source, words):
    with pytest.raises(ValueError, match=r"^template") as caught:
        template_facts(source)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("source", "facts", "text"),
    [
        ("Hi {{ first_name }}!", {"first_name": "Ada"}, "Hi Ada!"),
        ("Hi {{ first_name }}!", {"first_name": None}, "Hi !"),
        ("{{ first_name or 'there' }}", {"first_name": None}, "there"),
        ("{{ first_name|default('there') }}", {"first_name": None}, "there"),
        ("{{ first_name|upper }}", {"first_name": None}, ""),
        ("{{ [first_name, last_name]|join(' ') }}", {"first_name": None, "last_name": "L"}, " L"),
        ("{{ attributes.a.b.c }}", {"attributes.a": None}, ""),
        ("{{ attributes.a.b }}", {"attributes.a": {"b": "x"}}, "x"),
        ("{{ attributes.items }}", {"attributes.items": "3"}, "3"),
        ("{{ attributes.keys }}", {"attributes.keys": None}, ""),
        ("{{ attributes.order.values }}", {"attributes.order": {"values": 7}}, "7"),
        ("{{ attributes['my plan'] }}", {"attributes.my plan": "pro"}, "pro"),
        ("{{ attributes._x }}", {"attributes._x": 1}, "1"),
        ("{{ data.n * 2 }}", {"data.n": 3}, "6"),
        ("{{ results.ask.text }}", {"results.ask.text": "Yes"}, "Yes"),
        ("{{ results.ask.text }}!", {"results.ask.text": None}, "!"),
        ("{{ results['a-b']['c.d'] }}", {"results.a-b.c.d": 1}, "1"),
        ("{{ results.a.n }}{{ results.b.n.m }}", {"results.a.n": 1, "results.b.n": {"m": 2}}, "12"),
        ("{{ tags|join(';') }}", {"tags": None}, ""),
        ("{{ first_name }}", {"first_name": "<b>&"}, "<b>&"),
        ("{{ first_name }}", {"first_name": "{{ last_name }}"}, "{{ last_name }}"),
        ("{{ attributes.flag }}", {"attributes.flag": False}, "False"),
        ("{{ attributes.n.__class__.__mro__ }}", {"attributes.n": 0}, ""),
    ],
)  # fmt: skip
def test_text_for_facts(source, facts, text):
    assert template_facts(source) <= facts.keys()
    assert render(source, facts) == text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ attributes.n + 1 }}", None),
        ("{{ attributes.n + 1 }}", "1"),
        ("{{ 1 / attributes.n }}", 0),
        ("{{ attributes.n * 1000000000 }}", "x"),
        ("{{ 'x' * 10000000000 }}{{ attributes.n }}", 1),
    ],
)
def test_what_can_not_be_rendered_is_a_value_error(source, value):
    template_facts(source)
    with pytest.raises(ValueError, match=r"^template: "):
        render(source, {"attributes.n": value})


def test_in_an_address_only_what_the_template_holds_itself_has_a_meaning():
    source = (
        "/a b/{{ first_name }}?q={{ '/&' }}&n={{ attributes.n }}{{ email }}{% if n %}{% endif %}"
    )
    facts = {"first_name": "a/b?c=é", "attributes.n": 1.5, "email": None}
    with pytest.raises(ValueError, match="unknown field n"):
        template_facts(source)
    assert render_url(source, facts) == "/a b/a%2Fb%3Fc%3D%C3%A9?q=%2F%26&n=1.5"
    assert render(source, facts) == "/a b/a/b?c=é?q=/&&n=1.5"
    assert render_url("{{ '\\ud83d' }}", {}) == "%3F"
