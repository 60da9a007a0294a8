"""How clients that know nothing of this org are pointed to it, as text to copy.

Each begins where the one before ended: the variables are set first, and ``TOKEN`` is
what curl asks for.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLES = (
    "LHT_SALESFORCE_URL",
    "LHT_SALESFORCE_CLIENT_ID",
    "LHT_SALESFORCE_CLIENT_SECRET",
)


@dataclass(frozen=True)
class Client:
    """A client, and what to type or write for it.

    Attributes:
        name: What it is called.
        language: What ``text`` is written in: ``sh``, ``python`` or ``js``.
        text: Lines of at most 76 characters.
    """

    name: str
    language: str
    text: str


def exports(variables: Mapping[str, str]) -> str:
    """Return the lines that set variables in a shell."""
    return "\n".join(f"export {k}={shlex.quote(v)}" for k, v in variables.items())


CLIENTS = (
    Client(
        "lht",
        "sh",
        """\
lht sync Account""",
    ),
    Client(
        "curl",
        "sh",
        """\
export TOKEN=$(curl -s $LHT_SALESFORCE_URL/services/oauth2/token \\
  -d grant_type=client_credentials -d client_id=$LHT_SALESFORCE_CLIENT_ID \\
  -d client_secret=$LHT_SALESFORCE_CLIENT_SECRET |
  sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')
curl -H "Authorization: Bearer $TOKEN" \\
  "$LHT_SALESFORCE_URL/services/data/v62.0/query?q=SELECT+Id+FROM+Account"
""".rstrip(),
    ),
    Client(
        "Salesforce CLI",
        "sh",
        """\
SF_ACCESS_TOKEN=$TOKEN sf org login access-token --no-prompt \\
  --instance-url $LHT_SALESFORCE_URL --alias devorg
sf data query --target-org devorg --query "SELECT Id FROM Account"
""".rstrip(),
    ),
    Client(
        "simple-salesforce",
        "python",
        """\
import os, requests
from simple_salesforce import Salesforce

class Http(requests.adapters.HTTPAdapter):  # it says https to every org
    def send(self, request, **options):
        request.url = request.url.replace("https:", "http:", 1)
        return super().send(request, **options)

session = requests.Session()
session.mount("https://", Http())
sf = Salesforce(instance_url=os.environ["LHT_SALESFORCE_URL"],
                session_id=os.environ["TOKEN"], session=session)
print(sf.query("SELECT Id FROM Account"))
""".rstrip(),
    ),
    Client(
        "jsforce",
        "js",
        """\
const jsforce = require("jsforce");
const { LHT_SALESFORCE_URL: instanceUrl, TOKEN: accessToken } = process.env;
const conn = new jsforce.Connection({ instanceUrl, accessToken });
conn.query("SELECT Id FROM Account").then(console.log);
""".rstrip(),
    ),
)
"""Those that are told of, in the order in which they build on each other."""
