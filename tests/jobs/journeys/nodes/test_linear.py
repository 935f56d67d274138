import pytest
from pydantic import ValidationError

from jobs.journeys.nodes.delay import Delay


@pytest.mark.parametrize(("given", "name"), [("x", "x"), ("A-b_2", "A-b_2"), (1, "1")])
def test_one_way_out(given, name):
    assert Delay(days=1, next=given).edges() == {"next": name}


@pytest.mark.parametrize("name", ["", "a b", "-a", "a\n", "x" * 65, None, True, 1.5, ["x"]])
def test_name_is_a_word(name):
    with pytest.raises(ValidationError):
        Delay(days=1, next=name)
