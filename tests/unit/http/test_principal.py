"""Who may write: each clause of the check has someone who tries to get around it."""

import base64
import json
from typing import Any

import pytest

from functions.http.principal import EasyAuth, operator
from functions.http.problem import Problem
from tests.unit.http.desks import APP, CHECKED, PERSON, TENANT, a_principal

OTHER = "99999999-9999-4999-8999-999999999999"


def written(body: Any) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def changed(**fields: Any) -> str:
    """A good principal with other fields beside its claims."""
    return written({**json.loads(base64.b64decode(a_principal().header())), **fields})


def with_claims(*more: tuple[str, str]) -> str:
    """A good principal with further claims, as only a forger could add."""
    body = json.loads(base64.b64decode(a_principal().header()))
    return written({**body, "claims": [*body["claims"], *({"typ": kind, "val": value} for kind, value in more)]})


def test_an_operator_is_named_by_name_and_object_id() -> None:
    assert operator(a_principal().header(), CHECKED) == f"ada@example.com ({PERSON})"


@pytest.mark.parametrize(
    "audience", [pytest.param(APP, id="the client id"), pytest.param(f"api://{APP.upper()}", id="the app's URI")]
)
def test_a_token_for_this_app_is_taken_in_both_forms(audience: str) -> None:
    assert operator(a_principal(audience=audience).header(), CHECKED)


def test_an_app_that_signed_in_as_itself_is_named_by_its_id() -> None:
    claims = {"preferred_username": "", "appid": OTHER}
    assert operator(a_principal(claims=claims).header(), CHECKED) == f"{OTHER} ({PERSON})"


@pytest.mark.parametrize(
    ("header", "easy_auth", "code"),
    [
        pytest.param(a_principal().header(), EasyAuth(False, TENANT, APP), "principal-not-checked", id="auth is off"),
        pytest.param(a_principal().header(), EasyAuth(True, "", APP), "principal-not-checked", id="no tenant is set"),
        pytest.param(a_principal().header(), EasyAuth(True, TENANT, ""), "principal-not-checked", id="no app is set"),
        pytest.param(None, CHECKED, "principal-required", id="nobody signed in"),
        pytest.param("", CHECKED, "principal-required", id="an empty header"),
        pytest.param("%%%", CHECKED, "principal-refused", id="not base64"),
        pytest.param(base64.b64encode(b"{").decode(), CHECKED, "principal-refused", id="not JSON"),
        pytest.param(written([]), CHECKED, "principal-refused", id="a list"),
        pytest.param(written({"auth_typ": "aad"}), CHECKED, "principal-refused", id="no claims"),
        pytest.param(changed(auth_typ="github"), CHECKED, "principal-refused", id="another identity provider"),
        pytest.param(a_principal(tenant=OTHER).header(), CHECKED, "principal-refused", id="another tenant"),
        pytest.param(with_claims(("tid", OTHER)), CHECKED, "principal-refused", id="two tenants"),
        pytest.param(a_principal(audience=OTHER).header(), CHECKED, "principal-refused", id="a token for another app"),
        pytest.param(with_claims(("aud", OTHER)), CHECKED, "principal-refused", id="two audiences"),
        pytest.param(a_principal(roles=()).header(), CHECKED, "role-missing", id="no role"),
        pytest.param(a_principal(roles=("Tether.Reader",)).header(), CHECKED, "role-missing", id="another role"),
        pytest.param(a_principal(roles=("tether.operators",)).header(), CHECKED, "role-missing", id="nearly the role"),
        pytest.param(
            a_principal(roles=(), claims={"groups": "Tether.Operator"}).header(),
            CHECKED,
            "role-missing",
            id="the role's name in another claim",
        ),
    ],
)
def test_others_are_refused_and_told_why(header: str | None, easy_auth: EasyAuth, code: str) -> None:
    with pytest.raises(Problem) as refused:
        operator(header, easy_auth)
    assert (refused.value.status, refused.value.code) == (403, code)


def test_the_principal_does_not_say_which_claim_is_its_role() -> None:
    body = json.loads(base64.b64decode(a_principal(roles=(), name="Tether.Operator").header()))
    with pytest.raises(Problem) as refused:
        operator(written({**body, "role_typ": "preferred_username"}), CHECKED)
    assert refused.value.code == "role-missing"


def test_a_name_cannot_forge_a_line_of_the_journal() -> None:
    named = operator(a_principal(name='ada\n{"event": "outcome"}' + "x" * 500).header(), CHECKED)
    assert "\n" not in named
    assert len(named) < 200


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        pytest.param({}, False, id="not there"),
        pytest.param({"WEBSITE_AUTH_ENABLED": "True"}, True, id="as the platform writes it"),
        pytest.param({"WEBSITE_AUTH_ENABLED": "true"}, True, id="in lower case"),
        pytest.param({"WEBSITE_AUTH_ENABLED": "False"}, False, id="off"),
        pytest.param({"WEBSITE_AUTH_ENABLED": "1"}, False, id="in a form that it does not have"),
    ],
)
def test_the_platform_says_whether_it_checks(environment: dict[str, str], on: bool) -> None:
    assert EasyAuth.read(environment).on is on
