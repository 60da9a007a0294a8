"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");
const { admin, enter, org } = require("./org.js");

let conn;
test.before(async () => {
  conn = await enter();
});

async function withShortPages(rows, steps) {
  await admin("short_pages", { rows });
  try {
    await steps();
  } finally {
    await admin("short_pages", { rows: null });
  }
}

async function all(stream) {
  const records = [];
  for await (const record of stream) records.push(record);
  return records;
}

test("a query is read page by page", () =>
  withShortPages(200, async () => {
    const first = await conn.query("SELECT Id FROM Contact");
    assert.equal(first.records.length, 200);
    assert.equal(first.totalSize, org.rows.Contact);
    assert.equal(first.done, false);
    const second = await conn.queryMore(first.nextRecordsUrl);
    const ids = [...first.records, ...second.records].map((record) => record.Id);
    assert.equal(new Set(ids).size, 400);
  }));

test("a query is read to its end", () =>
  withShortPages(200, async () => {
    const options = { autoFetch: true, maxFetch: 10_000 };
    const found = await conn.query("SELECT Id FROM Contact", options);
    assert.equal(found.done, true);
    const ids = new Set(found.records.map((record) => record.Id));
    assert.equal(ids.size, org.rows.Contact);
    const stream = conn.query("SELECT Id FROM Contact", options).stream("record");
    assert.equal((await all(stream)).length, org.rows.Contact);
  }));

test("children come within their parents, and parents within children", async () => {
  const found = await conn
    .sobject("Account")
    .find({ "Owner.IsActive": true }, "Id, Name, Owner.Alias")
    .include("Contacts")
    .select("Id, LastName, Account.Name")
    .end()
    .limit(100);
  const contacts = found.flatMap((account) => account.Contacts?.records ?? []);
  assert.ok(contacts.length > 0);
  assert.ok(contacts.every((contact) => contact.attributes.type === "Contact"));
  assert.ok(found.every((account) => account.Owner.Alias));
});

test("all children are fetched", async () => {
  const account = await conn.create("Account", { Name: "Of many" });
  const children = Array.from({ length: 450 }, (_, number) => ({
    LastName: `Child ${number}`,
    AccountId: account.id,
  }));
  const made = await conn.create("Contact", children, { allowRecursive: true });
  assert.ok(made.every((result) => result.success));
  const soql = "SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Id = ";
  await withShortPages(200, async () => {
    const options = { autoFetch: true };
    const found = await conn.query(`${soql}'${account.id}'`, options);
    const [{ Contacts: contacts }] = found.records;
    assert.equal(contacts.totalSize, 450);
    assert.equal(new Set(contacts.records.map((child) => child.Id)).size, 450);
  });
  await conn.sobject("Account").destroy(account.id);
});

test("conditions of every kind are understood", async () => {
  const contact = conn.sobject("Contact");
  const since = jsforceDate(-1);
  const found = await contact
    .find({
      $or: [{ LastName: { $like: "%a%" } }, { FirstName: { $ne: null } }],
      CreatedDate: { $lte: since },
      Id: { $nin: ["003000000000000AAA"] },
    })
    .sort({ LastName: 1, CreatedDate: -1 })
    .limit(5)
    .skip(1)
    .execute();
  assert.ok(found.length <= 5);
  assert.equal(await contact.count(), org.rows.Contact);
  const one = await contact.findOne({}, "Id, Name, Owner.*");
  assert.ok(one.Owner.Username);
  assert.equal((await contact.find({ LastName: "It's nobody" })).length, 0);
});

function jsforceDate(days) {
  const { SfDate } = require("jsforce");
  return SfDate.toDateTimeLiteral(new Date(Date.now() + days * 86_400_000));
}

test("groups are counted", async () => {
  const soql = "SELECT Type, COUNT(Id) many FROM Account GROUP BY Type";
  const { records } = await conn.query(soql);
  assert.equal(records[0].attributes.type, "AggregateResult");
  const sum = records.reduce((total, record) => total + record.many, 0);
  assert.equal(sum, org.rows.Account);
});

test("a query that is refused says why", async () => {
  await assert.rejects(conn.query("SELECT Nothing FROM Account"), {
    name: "INVALID_FIELD",
    message: /No such column 'Nothing'/,
  });
  await assert.rejects(conn.query("SELECT"), { name: "MALFORMED_QUERY" });
});

test("a plan is explained", async () => {
  const told = await conn.query("SELECT Id FROM Account WHERE Name = 'x'").explain();
  assert.equal(told.plans[0].sobjectType, "Account");
});

test("a search finds records", async () => {
  const { id } = await conn.create("Account", { Name: "Slartibartfast Fjords" });
  const sosl = "FIND {Slartibartfast} IN NAME FIELDS RETURNING Account(Id, Name)";
  const { searchRecords } = await conn.search(sosl);
  assert.deepEqual(
    searchRecords.map((record) => record.Id),
    [id],
  );
  await conn.sobject("Account").destroy(id);
});

test("objects are described", async () => {
  const { sobjects } = await conn.describeGlobal();
  assert.ok(sobjects.some((sobject) => sobject.name === "Everything__c"));
  const told = await conn.sobject("Contact").describe();
  assert.ok(told.fields.some((field) => field.name === "LastName"));
  assert.equal((await conn.describe$("Contact")).keyPrefix, "003");
  await assert.rejects(conn.describe("Nothing__c"), { name: "NOT_FOUND" });
});

test("limits, usage, tabs and theme are told", async () => {
  assert.equal((await conn.limits()).DailyApiRequests.Max, 100_000);
  assert.equal(conn.limitInfo.apiUsage.limit, 100_000);
  assert.ok(Array.isArray(await conn.tabs()));
  assert.ok((await conn.theme()).themeItems);
});

test("a bulk query streams every record", async () => {
  conn.bulk2.pollInterval = 50;
  const soql = "SELECT Id, LastName FROM Contact";
  const records = await all(await conn.bulk2.query(soql));
  assert.equal(records.length, org.rows.Contact);
  assert.ok(records.every((record) => record.Id.startsWith("003")));
  const { id } = await conn.create("Contact", { LastName: "Gone" });
  await conn.sobject("Contact").destroy(id);
  const everything = await all(await conn.bulk2.query(soql, { scanAll: true }));
  assert.ok(everything.some((record) => record.Id === id));
});

test("a bulk query is a job, which is looked at, aborted and deleted", async () => {
  const { QueryJobV2 } = require("jsforce/lib/api/bulk2");
  const job = new QueryJobV2(conn, {
    bodyParams: { query: "SELECT Id FROM Account", operation: "query" },
    pollingOptions: { pollInterval: 50, pollTimeout: 10_000 },
  });
  assert.equal((await job.open()).operation, "query");
  await job.poll();
  assert.equal(job.getInfo().state, "JobComplete");
  assert.equal(job.getInfo().numberRecordsProcessed, org.rows.Account);
  const same = conn.bulk2.job("query", { id: job.id });
  assert.equal((await same.check()).id, job.id);
  await same.delete();
  await assert.rejects(same.check(), { name: "NOT_FOUND" });
  await assert.rejects(conn.bulk2.query("SELECT Nothing FROM Account"), {
    message: /Nothing/,
  });
});
