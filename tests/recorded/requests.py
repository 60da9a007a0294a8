"""What was asked, where a recording has kept answers alone.

Words in angle brackets are what only an org knows; they are put in when a request is
sent. A body ``@file`` is another file of the recordings. ``before`` names what must
have happened; see ``tests.recorded.replay``.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

Asked = Mapping[str, Any]

UNASKED: Asked = {"method": "", "target": "", "status": 0}
"""What there is to tell of a file that is no answer."""

FORM = {"content-type": "application/x-www-form-urlencoded"}
CLIENT = "client_id=<client_id>&client_secret=<client_secret>"
PASSWORD = f"grant_type=password&{CLIENT}&username=<username>&password="
RIGHT = f"{PASSWORD}<password><security_token>"
REFRESH = f"grant_type=refresh_token&{CLIENT}&refresh_token="

# Ids in the place of words that stand for ids in fixtures.
FOO, BAR = "a01D0000000fooAIAQ", "a01D0000000barAIAQ"
WHIZBANG_FIELDS = (
    "OwnerId,IsDeleted,Name,CreatedById,LastModifiedById,Auto_Number,Checkbox_Label,"
    "Currency_Label,Date_Label,DateTime_Label,OtherDateTime_Label,Email_Label,"
    "Number_Label,Percent_Label,Phone_Label,Picklist_Label,Picklist_Multiselect_Label,"
    "Text_Label,TextArea_Label,TextAreaLong_Label,TextAreaRich_Label,URL_Label"
)


def ask(method: str, path: str, status: int = 200, **more: Any) -> Asked:
    """Tell a request to the resources of a version."""
    target = path if path.startswith("/services") else f"/services/data/{path}"
    return {"method": method, "target": target, "status": status} | more


def soql(version: str, text: str, status: int = 200, **more: Any) -> Asked:
    """Tell a query."""
    return ask("GET", f"{version}/query?q={quote(text)}", status, **more)


def token(body: str, status: int = 200, **more: Any) -> Asked:
    """Tell a login."""
    more = {"body": body, "headers": FORM} | more
    return ask("POST", "/services/oauth2/token", status, **more)


def soap(password: str, status: int = 200) -> Asked:
    """Tell a login over SOAP."""
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:u="urn:enterprise.soap.sforce.com"><e:Body><u:login><u:username>'
        "<username></u:username><u:password>"
        f"{password}</u:password></u:login></e:Body></e:Envelope>"
    )
    headers = {"content-type": "text/xml;charset=UTF-8", "soapaction": "login"}
    return ask("POST", "/services/Soap/c/37.0", status, body=body, headers=headers)


def describe(name: str) -> Asked:
    """Tell a describe within a composite request."""
    part = {"method": "GET", "url": f"/services/data/v60.0/sobjects/{name}/describe"}
    body = json.dumps({"compositeRequest": [{**part, "referenceId": name}]})
    recording = "amp-labs describes"
    return ask("POST", "v60.0/composite", body=body, recording=recording)


_CONTACTS = "v60.0/composite/sobjects"
_UNKNOWN = '{"id":"<id>","attributes":{"type":"Contact"},"%s":"Blevins"}'
_UPDATES = '{"allOrNone":true,"records":[%s]}'
_INGEST = "v60.0/jobs/ingest"

_AMP_LABS: Mapping[str, Asked] = {
    "batch__create__contacts__err-bad-request.json": ask(
        "POST", _CONTACTS, 400, body='{"allOrNone":false,"records":[]}'
    ),
    "batch__create__contacts__partial-but-allOrNone.json": ask(
        "POST",
        _CONTACTS,
        body='{"allOrNone":true,"records":[{"attributes":{"type":"Contact"},"FirstName"'
        ':"Siena"},{"attributes":{"type":"Contact"},"LastName":"Blevins"}]}',
    ),
    "batch__create__contacts__success.json": ask(
        "POST", _CONTACTS, body="@amp-labs/batch__create__contacts__payload.json"
    ),
    "batch__update__contacts__err-each-no-ids.json": ask(
        "PATCH", _CONTACTS, body="@amp-labs/batch__create__contacts__payload.json"
    ),
    "batch__update__contacts__partial-but-allOrNone.json": ask(
        "PATCH",
        _CONTACTS,
        body=_UPDATES
        % ",".join(
            _UNKNOWN.replace("<id>", f"003ak00000jvIf{end}") % name
            for end, name in (
                ("pAAE", "LastName"),
                ("qAAE", "unknownField_LastName"),
            )
        ),
    ),
    "batch__update__contacts__success.json": ask(
        "PATCH", _CONTACTS, body="@amp-labs/batch__update__contacts__payload.json"
    ),
    "bulk__read-launch-job-account.json": ask(
        "POST",
        "v60.0/jobs/query",
        body='{"operation":"query","query":"SELECT Id, Name FROM Account"}',
    ),
    "bulk__delete__launch-job-opportunity.json": ask("POST", _INGEST),
    "bulk__delete__update-job-opportunity.json": ask("PATCH", f"{_INGEST}/7500"),
    "bulk__info__in-progress.json": ask("GET", f"{_INGEST}/7500"),
    "bulk__info__success.json": ask("GET", f"{_INGEST}/7500"),
    "bulk__write__launch-job-opportunity.json": ask("POST", _INGEST),
    "bulk__write__update-job-opportunity.json": ask("PATCH", f"{_INGEST}/7500"),
    "create-ok.json": ask(
        "POST", "v60.0/sobjects/Account", 201, body='{"Name":"Acme"}'
    ),
    "crm__delete__not-found.json": ask(
        "DELETE",
        "v60.0/sobjects/Account/001ak00000OQTieAAH",
        404,
        before="deleted",
    ),
    "metadata__read__accounts-sampled.json": describe("Account"),
    "metadata__read__custom-object-with-custom-fields.json": describe(
        "TestObject15__c"
    ),
    "metadata__read__organization-sampled.json": describe("Organization"),
    "read-list-contacts.json": soql(
        "v60.0", "SELECT AccountId, Department, AssistantName, Description FROM Contact"
    ),
    "read-list-leads.json": soql(
        "v60.0", "SELECT Address, City, CleanStatus, FirstName FROM Lead"
    ),
    "read-opportunity-with-account.json": soql(
        "v60.0", "SELECT Id, Name, AccountId, Amount, StageName FROM Opportunity"
    ),
    "unknown-field.json": ask(
        "POST", "v60.0/sobjects/Account", 400, body='{"AccountNumer":"1","Name":"A"}'
    ),
    "unknown-object.json": soql(
        "v60.0", "SELECT Id,Name,BillingCity,IsDeleted FROM Accout", 400
    ),
}

_BULK_2 = "v44.0/jobs/ingest"

_PYTHON: Mapping[str, Asked] = {
    "basic__limits.txt": ask("GET", "v44.0/limits"),
    "bulk__v1__success_result.txt": ask("GET", "/services/async/44.0/job"),
    "bulk__v2__create.txt": ask("POST", _BULK_2),
    "bulk__v2__info.txt": ask("GET", f"{_BULK_2}/123"),
    "bulk__v2__successful_results.txt": ask("GET", f"{_BULK_2}/123"),
    "bulk__v2__upload_complete.txt": ask("PATCH", f"{_BULK_2}/123"),
    "login__oauth__invalid_client_id.txt": token(
        RIGHT.replace("<client_id>", "wrong"), 400
    ),
    "login__oauth__invalid_client_secret.txt": token(
        RIGHT.replace("<client_secret>", "wrong"), 400
    ),
    "login__oauth__invalid_grant.txt": token(f"{PASSWORD}wrong", 400),
    "login__oauth__success.txt": token(RIGHT),
    "login__soap__invalid_login.txt": soap("wrong", 500),
    "login__soap__success.txt": soap("<password><security_token>"),
}

_RESTFORCE: Mapping[str, Asked] = {
    "auth_error_response.json": token(f"{PASSWORD}wrong", 400),
    "auth_success_response.json": token(RIGHT),
    "expired_session_response.json": ask(
        "GET", "v37.0/limits", 401, headers={"authorization": "OAuth expired"}
    ),
    "reauth_success_response.json": token(RIGHT),
    "refresh_error_response.json": token(f"{REFRESH}expired", 400),
    "refresh_success_response.json": token(f"{REFRESH}<refresh_token>"),
    "services_data_success_response.json": ask("GET", "/services/data"),
    "sobject__create_success_response.json": ask(
        "POST", "v37.0/sobjects/Whizbang", 201, body='{"Name":"New"}'
    ),
    "sobject__delete_error_response.json": ask(
        "DELETE", "v37.0/sobjects/Whizbang/rid", 404
    ),
    "sobject__describe_sobjects_success_response.json": ask("GET", "v37.0/sobjects"),
    "sobject__get_deleted_success_response.json": ask(
        "GET",
        "v37.0/sobjects/Whizbang/deleted?start=2013-05-05T00%3A00%3A00Z"
        "&end=2013-05-08T21%3A20%3A00Z",
        before="deleted then",
    ),
    "sobject__get_updated_success_response.json": ask(
        "GET",
        "v37.0/sobjects/Contact/updated?start=2015-08-18T00%3A00%3A00Z"
        "&end=2015-08-19T08%3A17%3A00Z",
        before="changed then",
    ),
    "sobject__list_sobjects_success_response.json": ask("GET", "v37.0/sobjects"),
    "sobject__list_view_results_success_response.json": ask(
        "GET", "v37.0/sobjects/Account/listviews/00B/results"
    ),
    "sobject__org_query_response.json": soql("v37.0", "SELECT Id FROM Organization"),
    "sobject__query_aggregate_success_response.json": soql(
        "v37.0",
        "SELECT CampaignId, SUM(Amount) FROM Opportunity GROUP BY CampaignId",
    ),
    "sobject__query_empty_response.json": soql("v37.0", "SELECT Id FROM Whizbang"),
    "sobject__query_error_response.json": soql(
        "v37.0", "SELECT Nonsense FROM Whizbang", 400
    ),
    "sobject__query_paginated_first_page_response.json": soql(
        "v37.0", "SELECT Text_Label FROM Whizbang", before="first of two pages"
    ),
    "sobject__query_paginated_last_page_response.json": soql(
        "v37.0", "SELECT Text_Label FROM Whizbang", before="last of two pages"
    ),
    "sobject__query_success_response.json": soql(
        "v37.0",
        "SELECT Checkbox_Label, Text_Label, Date_Label, DateTime_Label,"
        " Picklist_Multiselect_Label, ParentWhizbang__r.Name,"
        " ParentWhizbang__r.Text_Label, (SELECT Name FROM Whizbangs__r) FROM Whizbang"
        " WHERE Checkbox_Label = false AND Text_Label = 'Hi there!'",
    ),
    "sobject__recent_success_response.json": ask("GET", "v37.0/recent", before="used"),
    "sobject__search_error_response.json": ask("GET", "v36.0/search?q=FIND", 400),
    "sobject__search_success_response.json": ask(
        "GET",
        "v36.0/search?q=FIND%20%7Bbang%7D%20RETURNING%20Whizbang",
        before="searchable",
        texts={"v23.0": "v36.0"},
    ),
    "sobject__sobject_describe_error_response.json": ask(
        "GET", "v37.0/sobjects/Nonsense/describe", 404
    ),
    "sobject__sobject_describe_success_response.json": ask(
        "GET", "v37.0/sobjects/Whizbang/describe", recording="restforce describes"
    ),
    "sobject__sobject_find_error_response.json": ask(
        "GET", "v37.0/sobjects/Whizbang/23foo", 404
    ),
    "sobject__sobject_find_success_response.json": ask(
        "GET", f"v37.0/sobjects/Whizbang/{FOO}?fields={WHIZBANG_FIELDS}"
    ),
    "sobject__sobject_select_success_response.json": ask(
        "GET", f"v37.0/sobjects/Whizbang/{FOO}?fields=External_Field__c"
    ),
    "sobject__upsert_created_success_response.json": ask(
        "PATCH",
        "v37.0/sobjects/Whizbang/External_Field__c/1234",
        201,
        body='{"Name":"New"}',
    ),
    "sobject__upsert_error_response.json": ask(
        "PATCH", "v37.0/sobjects/Whizbang/Namez/1234", 404, body='{"Name":"New"}'
    ),
    "sobject__upsert_multiple_error_response.json": ask(
        "PATCH",
        "v37.0/sobjects/Whizbang/External_Field__c/1234",
        300,
        body='{"Name":"New"}',
    ),
    "sobject__write_error_response.json": ask(
        "POST", "v37.0/sobjects/Bar", 400, body='{"foo":"1"}'
    ),
}
_WORDS = {
    "Whizbang/foo": f"Whizbang/{FOO}",
    "Whizbang/bar": f"Whizbang/{BAR}",
    '"foo"': f'"{FOO}"',
    '"bar"': f'"{BAR}"',
    '"some_id"': f'"{FOO}"',
    "Whizbang/23foo": f"Whizbang/{FOO}",
    '"23foo"': f'"{FOO}"',
    "a00D0000008pQRAIA2": "a01D0000008pQRAIA2",
    '"owner_id"': '"0051a000000UGT8AAO"',
    '"created_by_id"': '"0051a000000UGT8AAO"',
    '"last_modified_by_id"': '"0051a000000UGT8AAO"',
}

_SPRING: Mapping[str, Asked] = {
    "account.json": ask("GET", "v37.0/sobjects/Account"),
    "client-token.json": token(f"{REFRESH}<refresh_token>"),
    "profile.json": ask("GET", "v37.0/chatter/users/me"),
    "query-child2parent.json": soql(
        "v37.0", "SELECT Contact.FirstName, Contact.Account.Name FROM Contact"
    ),
    "query-count.json": soql("v37.0", "SELECT COUNT() FROM Contact"),
    "query-groupby.json": soql(
        "v37.0", "SELECT LeadSource, COUNT(Name) FROM Lead GROUP BY LeadSource"
    ),
    "query-simple.json": soql("v37.0", "SELECT Id, Name, BillingCity FROM Account"),
    "query-where.json": soql(
        "v37.0",
        "SELECT Id FROM Contact WHERE Name LIKE 'U%' AND MailingCity = 'Istanbul'",
    ),
    "recent.json": ask("GET", "v37.0/recent", before="used"),
    "search.json": ask(
        "GET",
        "v36.0/search?q=FIND%20%7Bbang%7D%20RETURNING%20Contact%2C%20Hedere__c",
        before="searchable",
        texts={
            "v37.0": "v36.0",
            "Account/a01": "Hedere__c/a01",
            '"Account",': '"Hedere__c",',
        },
    ),
    "services.json": ask("GET", "v37.0"),
    "userDetails.json": ask("GET", "/services/oauth2/userinfo"),
    "versions.json": ask("GET", "/services/data"),
}

QUERY_JOB = '{"operation":"%s","query":"SELECT %s FROM %s"}'

REQUESTS: Mapping[str, Asked] = {
    "airbyte/job_response_query_create.json": ask(
        "POST",
        "v57.0/jobs/query",
        body=QUERY_JOB % ("queryAll", "Id", "ActiveFeatureLicenseMetric"),
    ),
    **{f"amp-labs/{name}": asked for name, asked in _AMP_LABS.items()},
    **{f"python-salesforce-api/{name}": asked for name, asked in _PYTHON.items()},
    **{
        f"restforce/{name}": {**asked, "texts": _WORDS | asked.get("texts", {})}
        for name, asked in _RESTFORCE.items()
    },
    "salesforcepy/soap_login_response_200.xml": soap("<password><security_token>"),
    "salesforcepy/soap_login_response_500.xml": soap("wrong", 500),
    **{f"spring-social/{name}": asked for name, asked in _SPRING.items()},
}
"""The request of each file that holds nothing but an answer's body."""

_ACCOUNTS = "v37.0/query/?q=SELECT%20Id%2C%20Name%20FROM%20Account"

ENVELOPES: Mapping[str, Asked] = {
    "describe_response_200.json": {
        "target": "/services/data/v41.0/sobjects/Idea/describe"  # as its links say
    },
    "device_code_authorization_response_200.json": {
        "body": "response_type=device_code&client_id=<client_id>",
        "headers": FORM,
    },
    "insert_blob_response_201.json": {
        "body": '{"Name":"a.txt","ParentId":"0010Y0000056ljcQAA","Body":"SGVsbG8="}'
    },
    "insert_response_201.json": {"body": '{"Name":"sfdc_py"}'},
    "login_response_200.json": {"body": RIGHT, "headers": FORM},
    "logout_response_200.json": {"body": "token=<access_token>", "headers": FORM},
    "poll_device_code_authentication_response_200.json": {
        "body": "grant_type=device&client_id=<client_id>&code=<device_code>",
        "headers": FORM,
        "before": "device let in",
    },
    "query_response_200.json": {"target": f"/services/data/{_ACCOUNTS}"},
    "query_response_200_version_40.json": {
        "target": f"/services/data/{_ACCOUNTS.replace('37', '40')}%20LIMIT%2010"
    },
    "query_sobj_row_response.json": {
        "target": "/services/data/v37.0/sobjects/Account/0010Y0000056ljcQAA"
        "?fields=Id,Name"
    },
    "sandbox_login_response_200.json": {"body": RIGHT, "headers": FORM},
    "search_response_200.json": {
        "target": "/services/data/v37.0/search/"
        "?q=FIND%20%7Bsfdc_py%7D%20RETURNING%20Account(Id%2C%20Name)"
    },
    "update_response_204.json": {"body": '{"Name":"sfdc_py"}'},
    "update_response_204_v42.json": {"body": '{"Name":"sfdc_py"}'},
    "upsert_existing_record_response_204.json": {"body": '{"Name":"Known"}'},
    "upsert_non_existing_record_response_201.json": {"body": '{"Name":"New"}'},
}
"""What was sent, where method, URL and status are kept but no body."""

_RELATIONS = QUERY_JOB % (
    "query",
    "Id, AccountId, ContactId",
    "AccountContactRelation",
)

CONSOLE: Mapping[int, Asked] = {
    0: ask("POST", "v51.0/jobs/query", body=_RELATIONS),
    1: ask("GET", "v51.0/jobs/query/<job>", body=_RELATIONS, before="job under way"),
    2: ask("GET", "v51.0/jobs/query/<job>", body=_RELATIONS, before="job finished"),
    5: ask(
        "GET", "v51.0/jobs/query/<job>/results", body=_RELATIONS, before="job finished"
    ),
}
"""The request of each event on a console that shows an answer."""
