import json


def test_create_and_list(here):
    created = here("tenants", "create", "acme", "--region", "DE", "--timezone", "Europe/Berlin")
    assert created.code == 0
    assert created.out.startswith("tenant acme created: ")
    here("tenants", "create", "beta", "--name", "Beta Inc.")
    listed = json.loads(here("tenants", "list", "--json").out)
    assert [(t["slug"], t["name"], t["region"], t["timezone"]) for t in listed] == [
        ("acme", "acme", "DE", "Europe/Berlin"),
        ("beta", "Beta Inc.", "US", "America/New_York"),
    ]
    assert here("tenants", "list").out.splitlines()[1].split()[:2] == ["acme", "acme"]


def test_create_prints_json(here):
    created = json.loads(here("tenants", "create", "acme", "--json").out)
    assert created["slug"] == "acme"
    assert len(created["id"]) == 36


def test_a_slug_that_is_taken(here):
    here("tenants", "create", "acme")
    again = here("tenants", "create", "acme")
    assert (again.code, len(again.error_lines), again.out) == (2, 1, "")
    assert "acme" in again.err


def test_wrong_values_are_named_in_one_line(here):
    result = here("tenants", "create", "No Slug", "--region", "XX", "--timezone", "Mars/Base")
    assert (result.code, len(result.error_lines)) == (2, 1)
    for wrong in ("No Slug", "XX", "Mars/Base"):
        assert wrong in result.err


def test_rules_are_shown_and_changed(here):
    here("tenants", "create", "acme")
    shown = here("tenants", "rules", "acme")
    assert shown.code == 0
    assert dict(line.split(maxsplit=1) for line in shown.out.splitlines()) == {
        "timezone": "America/New_York",
        "weekdays": "mon,tue,wed,thu,fri,sat,sun",
        "opens": "00:00",
        "closes": "24:00",
        "outside": "next_opening",
        "quiet": "21:00-08:00",
        "resubmission": "continue",
        "resubmission-hours": "24",
        "max-per-day": "none",
        "call-gap-minutes": "5",
        "sends-per-second": "none",
        "burst": "none",
        "calls-at-once": "10",
    }
    changed = here(
        "tenants", "rules", "acme", "--weekdays", "mon-fri", "--opens", "09:00", "--closes",
        "17:00", "--outside", "next_business_day", "--quiet", "none", "--max-per-day", "2",
        "--sends-per-second", "5", "--burst", "20", "--calls-at-once", "3",
    )  # fmt: skip
    assert changed.code == 0
    assert here("tenants", "rules", "acme").out == changed.out
    rules = json.loads(here("tenants", "rules", "acme", "--json").out)
    assert (rules["weekdays"], rules["quiet_starts_at"]) == ([1, 2, 3, 4, 5], None)
    assert (rules["sends_per_second"], rules["send_burst"]) == (5, 20)
    assert rules["max_calls_at_once"] == 3


def test_wrong_rules_are_named_in_one_line(here):
    here("tenants", "create", "acme")
    result = here("tenants", "rules", "acme", "--opens", "late", "--quiet", "always")
    assert (result.code, len(result.error_lines), result.out) == (2, 1, "")
    assert "opens 'late'" in result.err
    assert "quiet 'always'" in result.err
    unknown = here("tenants", "rules", "nobody")
    assert (unknown.code, len(unknown.error_lines)) == (2, 1)


def test_webhook_settings_are_shown_and_changed_and_the_secret_only_when_asked_for(here):
    here("tenants", "create", "acme")
    assert here("tenants", "webhooks", "acme").out == "private addresses  refused\n"
    shown = json.loads(here("tenants", "webhooks", "acme", "--show-secret", "--json").out)
    assert shown["allow_private"] is False
    assert len(shown["secret"]) == 64

    allowed = here("tenants", "webhooks", "acme", "--allow-private")
    assert allowed.out == "private addresses  allowed\n"
    renewed = here("tenants", "webhooks", "acme", "--new-secret", "--json")
    assert json.loads(renewed.out) == {"allow_private": True}

    after = here("tenants", "webhooks", "acme", "--refuse-private", "--show-secret")
    lines = dict(line.rsplit(maxsplit=1) for line in after.out.splitlines())
    assert lines["private addresses"] == "refused"
    assert len(lines["secret"]) == 64
    assert lines["secret"] != shown["secret"]
    assert here("tenants", "webhooks", "nobody").code == 2
