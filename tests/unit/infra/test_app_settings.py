"""What the code reads is deployed, and what is deployed is read: by the code, the host or the platform."""

import pytest

from tests.unit.infra.bicep import keys as keys_in
from tests.unit.infra.bicep import modules, resource, variable
from tests.unit.infra.settings_read import settings_read

# Read and not deployed, with the reason.
ELSEWHERE = {
    "AzureWebJobsStorage": "a connection string: the local Azure's; accounts here take no key",
    "AzureWebJobsStorage__blobServiceUri": "the longer form of AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__queueServiceUri": "the same",
    "AzureWebJobsStorage__tableServiceUri": "the same",
    "IDENTITY_ENDPOINT": "set by the platform where there is an identity",
    "TETHER_ARM_ENDPOINT": "the local Azure's",
    "WEBSITE_AUTH_ENABLED": "set by the platform where Easy Auth is on",
}

# Deployed and not read by functions/, with who reads it.
OTHERS = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "the host, and azure-monitor-opentelemetry-exporter (export/_base.py)",
    "AzureWebJobsStorage__credential": "the host",
    "FUNCTIONS_EXTENSION_VERSION": "the host, on App Service plans",
    "FUNCTIONS_WORKER_RUNTIME": "the host, on App Service plans",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "the Python worker (azure_functions_runtime/otel.py)",
    "SCM_DO_BUILD_DURING_DEPLOYMENT": "the deployment, on App Service plans",
    "TSIG_SECRET": "functions/dns/targets.py: the policy names it",
    "WEBSITE_RUN_FROM_PACKAGE": "the platform, on App Service plans",
}


def settings_in(value: object) -> set[str]:
    """Settings begin with a capital, which no key of the parser's own does."""
    return {key for key in keys_in(value) if key[:1].isupper()}


def of_every_app() -> set[str]:
    own = resource("modules/app.bicep", "appSettings").properties
    return settings_in(own) | settings_in(variable("modules/app.bicep", "settingsOfPlan"))


def of_the_plain_app() -> set[str]:
    parts = [variable("main.bicep", name) for name in ("authSettings", "tsigSettings", "secondAppSettings")]
    return of_every_app() | settings_in(modules("main.bicep")["app"].params["settings"]) | settings_in(parts)


def of_the_second_app() -> set[str]:
    return of_every_app() | settings_in(modules("modules/second-app.bicep")["app"].params["settings"])


def test_every_setting_that_the_code_reads_is_deployed():
    assert settings_read() - of_the_plain_app() - ELSEWHERE.keys() == set()


def test_every_setting_that_is_deployed_is_read():
    assert (of_the_plain_app() | of_the_second_app()) - settings_read() - OTHERS.keys() == set()


def test_what_is_left_out_on_purpose_is_still_read_somewhere():
    assert ELSEWHERE.keys() <= settings_read()
    assert ELSEWHERE.keys().isdisjoint(of_the_plain_app())


def test_the_reader_of_the_code_sees_every_form():
    """A constant, a name that stands for one, an f-string, and `in`."""
    assert {
        "TETHER_POLICY",
        "TETHER_EVENTS_ENDPOINT",
        "AzureWebJobsStorage__clientId",
        "IDENTITY_ENDPOINT",
    } <= settings_read()


@pytest.mark.parametrize("name", ["TETHER_CLIENT_ID", "TSIG_SECRET", "TETHER_EVENTS_ENDPOINT", "TETHER_SWEEP_SCHEDULE"])
def test_the_second_app_gets_nothing_of_http_records_events_or_the_sweep(name: str):
    assert name in of_the_plain_app()
    assert name not in of_the_second_app()


def test_no_key_and_no_connection_string_to_storage_is_deployed():
    assert {name for name in of_the_plain_app() if name.startswith("AzureWebJobsStorage")} == {
        "AzureWebJobsStorage__accountName",
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsStorage__credential",
    }
