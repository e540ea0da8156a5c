import assert from "node:assert/strict";
import { test } from "node:test";
import { client, refused } from "./client.mjs";

test("every graph has an assistant of the system's", async () => {
  const found = await client.assistants.search({ metadata: { created_by: "system" }, limit: 20 });
  assert.ok(found.some((each) => each.graph_id === "nexus"));
  assert.equal(await client.assistants.count({ metadata: { created_by: "system" } }), found.length);
  const page = await client.assistants.search({ limit: 1, includePagination: true });
  assert.deepEqual([page.assistants.length, page.next], [1, "1"]);
});

test("an assistant is made, changed, chosen and deleted", async () => {
  const made = await client.assistants.create({
    graphId: "made",
    config: { configurable: { greeting: "Hi" } },
    name: "Greeter",
  });
  const number = made.assistant_id;
  assert.deepEqual(await client.runs.wait(null, number, { input: { name: "Ana" } }), { name: "Hi Ana" });
  const changed = await client.assistants.update(number, { config: { configurable: { greeting: "Ciao" } } });
  assert.equal(changed.version, 2);
  const versions = await client.assistants.getVersions(number);
  assert.deepEqual(versions.map((each) => each.version), [2, 1]);
  assert.equal((await client.assistants.setLatest(number, 1)).version, 1);
  assert.equal((await client.assistants.get(number)).name, "Greeter");
  await client.assistants.delete(number);
  await refused(404, client.assistants.get(number));
});

test("a graph is drawn and its schemas are told", async () => {
  const drawn = await client.assistants.getGraph("nexus", { xray: true });
  const nodes = drawn.nodes.map((node) => node.id);
  for (const node of ["reason", "tool-select", "approve", "execute"]) assert.ok(nodes.includes(node));
  assert.ok("x" in (await client.assistants.getSchemas("asks")).input_schema.properties);
  assert.ok("inner" in (await client.assistants.getSubgraphs("chat", { recurse: true })));
  assert.deepEqual(Object.keys(await client.assistants.getSubgraphs("chat", { namespace: "inner" })), ["inner"]);
});
