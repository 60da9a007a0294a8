"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");
const { VERSION, connect, enter } = require("./org.js");

let conn;
test.before(async () => {
  conn = await enter();
});

const MISSING = {
  name: "REQUIRED_FIELD_MISSING",
  message: "Required fields are missing: [LastName]",
};

test("a record lives and dies", async () => {
  const contacts = conn.sobject("Contact");
  const made = await contacts.create({ LastName: "Lovelace" });
  assert.deepEqual(made, { id: made.id, success: true, errors: [] });
  const changed = await contacts.update({ Id: made.id, FirstName: "Ada" });
  assert.equal(changed.success, true);
  const read = await contacts.retrieve(made.id);
  assert.equal(read.Name, "Ada Lovelace");
  const [start, end] = [-300_000, 300_000].map((ms) => new Date(Date.now() + ms));
  assert.ok((await contacts.updated(start, end)).ids.includes(made.id));
  assert.equal((await contacts.destroy(made.id)).success, true);
  const { deletedRecords } = await contacts.deleted(start, end);
  assert.ok(deletedRecords.some((record) => record.id === made.id));
  await assert.rejects(contacts.retrieve(made.id), { name: "ENTITY_IS_DELETED" });
});

test("only some fields are read", async () => {
  const { id } = await conn.create("Account", { Name: "Some" });
  const read = await conn.retrieve("Account", id, { fields: ["Name"] });
  assert.deepEqual(Object.keys(read), ["attributes", "Name", "Id"]);
});

test("many records are written together", async () => {
  const contacts = conn.sobject("Contact");
  const made = await contacts.create([{ LastName: "A" }, {}, { LastName: "B" }]);
  assert.deepEqual(
    made.map((result) => result.success),
    [true, false, true],
  );
  assert.equal(made[1].errors[0].statusCode, "REQUIRED_FIELD_MISSING");
  const ids = [made[0].id, made[2].id];
  const changed = await contacts.update(ids.map((Id) => ({ Id, FirstName: "F" })));
  assert.ok(changed.every((result) => result.success));
  const read = await contacts.retrieve(ids, { fields: ["Id", "Name"] });
  assert.deepEqual(
    read.map((record) => record.Name),
    ["F A", "F B"],
  );
  const gone = await contacts.destroy(ids);
  assert.deepEqual(
    gone.map((result) => result.id),
    ids,
  );
  assert.deepEqual(await contacts.retrieve(ids, { fields: ["Id"] }), [null, null]);
});

test("all or none of them", async () => {
  const records = [{ LastName: "Undone" }, {}];
  const options = { allOrNone: true };
  const made = await conn.sobject("Contact").create(records, options);
  assert.ok(made.every((result) => !result.success));
  assert.equal(made[0].errors[0].statusCode, "ALL_OR_NONE_OPERATION_ROLLED_BACK");
  assert.equal(await conn.sobject("Contact").count({ LastName: "Undone" }), 0);
});

test("old versions write records one by one", async () => {
  const { accessToken, instanceUrl } = conn;
  const old = connect({ accessToken, instanceUrl, version: "41.0" });
  const made = await old.sobject("Contact").create([{ LastName: "Old" }, {}]);
  assert.deepEqual(
    made.map((result) => result.success),
    [true, false],
  );
  const [gone] = await old.sobject("Contact").destroy([made[0].id]);
  assert.equal(gone.success, true);
});

test("an external id finds or makes a record", async () => {
  const things = conn.sobject("Everything__c");
  const key = "External_Key__c";
  const first = await things.upsert({ [key]: "J-1", Name: "first" }, key);
  assert.equal(first.created, true);
  const second = await things.upsert({ [key]: "J-1", Name: "second" }, key);
  assert.deepEqual([second.id, second.created], [first.id, false]);
  const many = await things.upsert(
    [
      { [key]: "J-1", Name: "third" },
      { [key]: "J-2", Name: "new" },
    ],
    key,
  );
  assert.deepEqual(
    many.map((result) => result.created),
    [false, true],
  );
  assert.equal((await things.retrieve(first.id)).Name, "third");
});

test("an external id of two records is ambiguous", async () => {
  const things = conn.sobject("Everything__c");
  const twins = [9, 9].map((External_Number__c) => ({ External_Number__c }));
  const made = await things.create(twins);
  const twice = { External_Number__c: 9, Name: "x" };
  await assert.rejects(things.upsert(twice, "External_Number__c"), (error) => {
    assert.equal(error.name, "MULTIPLE_CHOICES");
    const ids = error.data.map((url) => url.split("/").pop());
    assert.deepEqual(ids.sort(), made.map((result) => result.id).sort());
    return true;
  });
});

test("what the org refuses is told in its words", async () => {
  await assert.rejects(conn.create("Contact", {}), MISSING);
  await assert.rejects(conn.create("Contact", { Nothing__c: 1 }), {
    name: "INVALID_FIELD",
  });
  await assert.rejects(conn.create("Nothing__c", {}), { name: "NOT_FOUND" });
  await assert.rejects(conn.update("Contact", { Id: "003000000000000AAA" }), {
    name: "INVALID_CROSS_REFERENCE_KEY",
  });
  const { id } = await conn.create("Contact", { LastName: "Dated" });
  await assert.rejects(conn.update("Contact", { Id: id, Birthdate: "no date" }), {
    name: "JSON_PARSER_ERROR",
  });
});

test("a query's records are changed and deleted", async () => {
  const made = await conn.create("Account", [{ Name: "Q 1" }, { Name: "Q 2" }]);
  const query = () => conn.sobject("Account").find({ Name: { $like: "Q _" } });
  const changed = await query().update({ Description: "was ${Name}" });
  assert.deepEqual(
    changed.map((result) => result.success),
    [true, true],
  );
  const read = await conn.retrieve("Account", made[0].id);
  assert.equal(read.Description, "was Q 1");
  assert.equal((await query().destroy()).length, 2);
  assert.equal((await query()).length, 0);
});

test("what was seen last is remembered", async () => {
  const { id } = await conn.create("Account", { Name: "Seen" });
  const [last] = await conn.recent(1);
  assert.deepEqual([last.attributes.type, last.Id], ["Account", id]);
  assert.equal((await conn.sobject("Account").recent())[0].Id, id);
});

test("requests are composed and batched", async () => {
  const base = `/services/data/v${VERSION}/sobjects/Account`;
  const { compositeResponse } = await conn.requestPost("/composite", {
    compositeRequest: [
      { method: "POST", url: base, referenceId: "made", body: { Name: "C" } },
      { method: "GET", url: `${base}/@{made.id}`, referenceId: "read" },
    ],
  });
  assert.equal(compositeResponse[1].body.Name, "C");
  const { hasErrors, results } = await conn.requestPost("/composite/batch", {
    batchRequests: [
      { method: "GET", url: `v${VERSION}/limits` },
      { method: "GET", url: `v${VERSION}/sobjects/Nothing__c/describe` },
    ],
  });
  assert.equal(hasErrors, true);
  assert.deepEqual(
    results.map((result) => result.statusCode),
    [200, 404],
  );
});

test("an answer in XML is understood", async () => {
  const headers = { Accept: "application/xml" };
  const url = "/limits/recordCount?sObjects=User";
  const told = await conn.request({ method: "GET", url, headers });
  assert.ok(told);
  const wrong = { method: "GET", url: "/sobjects/Nothing__c", headers };
  await assert.rejects(conn.request(wrong), { name: "NOT_FOUND" });
});
