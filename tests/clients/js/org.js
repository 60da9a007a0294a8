// The org that these tests talk to, as the one who started it tells it.
"use strict";

const jsforce = require("jsforce");

const org = JSON.parse(process.env.LHT_TEST_ORG);
const VERSION = "62.0";

const oauth2 = {
  clientId: org.clientId,
  clientSecret: org.clientSecret,
  redirectUri: "http://localhost/callback",
};

// A connection that nobody has logged in with yet.
function connect(options = {}) {
  return new jsforce.Connection({ loginUrl: org.url, version: VERSION, ...options });
}

// A connection of the org's own application.
async function enter() {
  const conn = connect({ oauth2 });
  await conn.authorize({ grant_type: "client_credentials" });
  return conn;
}

// Tell the org what only its owner may.
async function admin(verb, body = {}) {
  const response = await fetch(`${org.url}/devorg/admin/${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
}

module.exports = { VERSION, admin, connect, enter, oauth2, org };
