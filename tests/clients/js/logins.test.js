"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");
const jsforce = require("jsforce");
const { VERSION, admin, connect, enter, oauth2, org } = require("./org.js");

async function check(conn, username) {
  // First, as only the REST API tells a client that it needs another session.
  const found = await conn.query("SELECT COUNT() FROM User");
  assert.equal(found.totalSize, 5);
  const told = await conn.identity();
  assert.equal(told.username, username);
  assert.equal(conn.userInfo.organizationId, org.orgId);
}

// What a browser does with the page that asks for consent.
async function code(url) {
  const response = await fetch(`${url}&login_hint=${org.username}`, {
    redirect: "manual",
  });
  return new URL(response.headers.get("location")).searchParams.get("code");
}

test("a user logs in over SOAP", async () => {
  const conn = connect();
  const user = await conn.login(org.username, org.password);
  assert.equal(user.organizationId, org.orgId);
  await check(conn, org.username);
  await conn.logout();
  assert.equal(conn.accessToken, null);
});

test("a user logs in with an application", async () => {
  const conn = connect({ oauth2 });
  await conn.login(org.username, org.password);
  await check(conn, org.username);
  const token = conn.accessToken;
  await conn.logout();
  const late = connect({ instanceUrl: org.url, accessToken: token });
  await assert.rejects(late.identity(), { name: "INVALID_SESSION_ID" });
});

test("an application logs in as itself", async () => {
  await check(await enter(), "integration@devorg.example");
});

test("an assertion logs a user in", async () => {
  const conn = connect();
  await conn.authorize({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: org.assertion,
  });
  await check(conn, org.username);
});

for (const useVerifier of [false, true]) {
  const how = useVerifier ? "with" : "without";
  test(`a code logs a user in ${how} a verifier, and a refresh goes on`, async () => {
    const conn = connect({ oauth2: { ...oauth2, useVerifier } });
    await conn.authorize(await code(conn.oauth2.getAuthorizationUrl()));
    await check(conn, org.username);
    const refreshed = [];
    conn.on("refresh", (token) => refreshed.push(token));
    await admin("expire_sessions");
    await check(conn, org.username);
    assert.deepEqual(refreshed, [conn.accessToken]);
    await conn.logout(true);
  });
}

test("a session is taken over, whatever opened it", async () => {
  const { accessToken, instanceUrl } = await enter();
  const taken = new jsforce.Connection({ accessToken, instanceUrl, version: VERSION });
  await check(taken, "integration@devorg.example");
  const serverUrl = `${instanceUrl}/services/Soap/u/${VERSION}`;
  const old = new jsforce.Connection({ sessionId: accessToken, serverUrl });
  await check(old, "integration@devorg.example");
});

test("a session that has ended is opened anew by password", async () => {
  const conn = connect();
  await conn.login(org.username, org.password);
  await admin("expire_sessions");
  await check(conn, org.username);
});

test("a session that nobody can open anew is an error", async () => {
  const conn = connect({ instanceUrl: org.url, accessToken: "00D!gone" });
  await assert.rejects(conn.query("SELECT Id FROM User"), {
    name: "INVALID_SESSION_ID",
    message: "Session expired or invalid",
  });
});

test("a login that is refused says why", async () => {
  await assert.rejects(connect().login(org.username, "no"), /INVALID_LOGIN: Invalid/);
  await assert.rejects(connect({ oauth2 }).login(org.username, "no"), {
    name: "invalid_grant",
  });
  const unknown = connect({ oauth2: { ...oauth2, clientId: "no" } });
  await assert.rejects(unknown.authorize({ grant_type: "client_credentials" }), {
    name: "invalid_client_id",
  });
});

test("SOAP knows its sessions", async () => {
  const conn = connect();
  await conn.login(org.username, org.password);
  const user = await conn.soap.getUserInfo();
  assert.equal(user.userName, org.username);
  const { timestamp } = await conn.soap.getServerTimestamp();
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 3_600_000);
});

test("Salesforce's own addresses lead here, through a proxy", async () => {
  const { proxy, instanceUrl, password } = org.proxied;
  const conn = new jsforce.Connection({ httpProxy: proxy, version: VERSION });
  await conn.login(org.username, password);
  assert.equal(conn.instanceUrl, instanceUrl);
  const found = await conn.query("SELECT COUNT() FROM User");
  assert.equal(found.totalSize, 5);
});
