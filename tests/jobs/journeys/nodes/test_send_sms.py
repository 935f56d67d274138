import pytest
from pydantic import ValidationError

from jobs.journeys.decisions import Advance, SendMessage
from jobs.journeys.nodes.send_sms import SendSms

GSM = {"segments": 1, "encoding": "GSM-7"}
NODE = SendSms(body="  Hi {{ first_name }}! ", next="x")


def test_text_is_rendered_and_trimmed():
    assert NODE.inputs() == {"first_name", "do_not_contact"}
    decision = NODE.evaluate({"first_name": "Ada", "do_not_contact": False}, None)
    assert decision == Advance("next", effects=(SendMessage("Hi Ada!"),), result=GSM)


def test_who_is_not_to_be_contacted_goes_on_without():
    decision = NODE.evaluate({"first_name": "Ada", "do_not_contact": True}, None)
    assert decision == Advance("next", "SKIPPED", result={"skipped": "do_not_contact"})


def test_empty_message_is_an_error_of_that_contact():
    node = SendSms(body="{{ first_name }} ", next="x")
    with pytest.raises(ValueError, match="empty"):
        node.evaluate({"first_name": None, "do_not_contact": False}, None)


@pytest.mark.parametrize("body", ["", "x" * 1601, "{{ nope }}", "{{", 5, None])
def test_body_is_a_template_of_a_messages_length(body):
    with pytest.raises(ValidationError):
        SendSms(body=body, next="x")


def test_segments_of_the_rendered_text_are_its_result():
    facts = {"first_name": "☎" * 80, "do_not_contact": False}
    assert NODE.evaluate(facts, None).result == {"segments": 2, "encoding": "UCS-2"}


@pytest.mark.parametrize("sender", ["sticky", "random", "+15551234567"])
def test_sender_goes_with_the_message(sender):
    node = SendSms(body="Hi", sender=sender, next="x")
    assert node.evaluate({"do_not_contact": False}, None).effects == (SendMessage("Hi", sender),)


@pytest.mark.parametrize("sender", ["", "any", "15551234567", "+0555", "+1555x", "+1\n", None, 5])
def test_sender_is_a_number_or_a_way_to_choose(sender):
    with pytest.raises(ValidationError):
        SendSms(body="Hi", sender=sender, next="x")
