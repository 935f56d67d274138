import pytest
from pydantic import ValidationError

from jobs.journeys.decisions import Advance
from jobs.journeys.nodes.end import End


def test_it_leads_nowhere():
    assert End().edges() == {}
    assert End().evaluate({}, None) == Advance("end")


def test_it_takes_no_next():
    with pytest.raises(ValidationError):
        End(next="x")
