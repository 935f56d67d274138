from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.pbx import Pbx, parse_pbxs

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"], codec="utf-8"), min_size=1)


def test_all_of_an_address():
    [one, two] = parse_pbxs(
        " ami://listener:s3cret@pbx.example:5040?tz=Europe/Berlin&name=berlin&auth=plain ,"
        "amis://u:p@[::1]?ca=/etc/ssl/pbx.pem,"
    )
    assert one == Pbx(
        "berlin", "pbx.example", 5040, "listener", "s3cret",
        timezone="Europe/Berlin", auth="plain",
    )  # fmt: skip
    assert two == Pbx("::1:5039", "::1", 5039, "u", "p", tls=True, ca="/etc/ssl/pbx.pem")
    assert parse_pbxs("ami://u:p@h")[0].port == 5038
    assert parse_pbxs("") == []


@given(PRINTABLE, PRINTABLE)
def test_any_user_and_secret_can_be_written(user, secret):
    [pbx] = parse_pbxs(f"ami://{quote(user, safe='')}:{quote(secret, safe='')}@h")
    assert (pbx.user, pbx.secret) == (user, secret)
    assert quote(secret) not in repr(pbx) or quote(secret) in repr(
        Pbx("h:5038", "h", 5038, user, "")
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://u:hunter2@h", "ami://"),
        ("ami://u:hunter2@", "names a host"),
        ("ami://hunter2@h", "no user and secret"),
        ("ami://:hunter2@h", "no user and secret"),
        ("ami://u:hunter2@h:99999", "host and a port"),
        ("ami://u:hunter2@h/x", "more after the port"),
        ("ami://u:hunter2@h#x", "more after the port"),
        ("ami://u:hunter2@h?tz=Moon/Base", "time zone 'Moon/Base'"),
        ("ami://u:hunter2@h?auth=none", "md5 or plain"),
        ("ami://u:hunter2@h?zone=UTC", "unknown option 'zone'"),
        ("ami://u:hunter2%0D%0AAction: Command@h", "no line can carry"),
    ],
)
def test_what_is_wrong_is_told_without_the_secret(url, problem):
    with pytest.raises(ValueError, match="number 2: ") as caught:
        parse_pbxs(f"ami://u:p@other,{url}")
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_two_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two are called h:5038"):
        parse_pbxs("ami://u:p@h,ami://v:p@h")
    assert len(parse_pbxs("ami://u:p@h,ami://v:p@h?name=two")) == 2
