import assert from "node:assert/strict";
import { test } from "node:test";
import { all, client, newThread, refused } from "./client.mjs";

test("a thread is made, found, labelled, counted, copied, pruned and deleted", async () => {
  const made = await client.threads.create({ metadata: { topic: "js" }, graphId: "asks" });
  const number = made.thread_id;
  assert.equal(made.status, "idle");
  await client.threads.update(number, { metadata: { n: 2 } });
  const [found] = await client.threads.search({ metadata: { topic: "js" }, sortBy: "created_at" });
  assert.deepEqual(found.metadata, { topic: "js", graph_id: "asks", n: 2 });
  assert.equal(await client.threads.count({ metadata: { topic: "js" } }), 1);
  assert.equal((await client.threads.create({ threadId: number, ifExists: "do_nothing" })).thread_id, number);
  await refused(409, client.threads.create({ threadId: number }));
  await client.runs.wait(number, "asks", { input: { x: "a" } });
  const copied = await client.threads.copy(number);
  assert.equal(copied.status, "interrupted");
  assert.equal((await client.threads.prune([number], { strategy: "keep_latest" })).pruned_count, 1);
  assert.equal((await client.threads.getHistory(number)).length, 1);
  await client.threads.delete(number);
  await refused(404, client.threads.get(number));
});

test("states are shown, at any place in the past, and changed", async () => {
  const number = await newThread();
  await client.runs.wait(number, "asks", { input: { x: "a" } });
  const state = await client.threads.getState(number);
  assert.deepEqual([state.next, state.tasks[0].interrupts.length], [["ask"], 1]);
  await client.runs.wait(number, "asks", { command: { resume: 1 } });
  const history = await client.threads.getHistory(number, { limit: 100 });
  const asked = history.find((each) => each.next[0] === "ask");
  assert.deepEqual((await client.threads.getState(number, asked.checkpoint)).values, { x: "a" });
  assert.deepEqual((await client.threads.getState(number, asked.checkpoint.checkpoint_id)).next, ["ask"]);
  await client.threads.updateState(number, { values: { x: "b" }, asNode: "ask" });
  assert.deepEqual((await client.threads.getState(number)).next, ["done"]);
});

test("a thread begins with a past", async () => {
  const supersteps = [{ updates: [{ values: { x: "a" }, asNode: "ask" }] }];
  const made = await client.threads.create({ graphId: "asks", supersteps });
  assert.deepEqual((await client.threads.get(made.thread_id)).values, { x: "a" });
});

test("the state of Nexus's own graph is not written from outside", async () => {
  const made = await client.threads.create({ graphId: "nexus" });
  await refused(422, client.threads.updateState(made.thread_id, { values: { go: true }, asNode: "approve" }));
});

test("a thread is watched over its runs", async () => {
  const number = await newThread();
  await client.runs.wait(number, "asks", { input: { x: "a" } });
  const leave = new AbortController();
  const watched = client.threads.joinStream(number, { lastEventId: "-", signal: leave.signal });
  const seen = [];
  for await (const part of watched) {
    seen.push(part);
    if (seen.length === 2) client.runs.wait(number, "asks", { command: { resume: 1 } });
    if (part.data?.answer === 1 && part.data.x === "a!") break;
  }
  leave.abort();
  assert.equal(seen.filter((part) => part.event === "metadata").length, 2);
  assert.ok(seen.some((part) => part.data?.__interrupt__));
});

test("a watcher of a thread hears only what was asked for", async () => {
  const number = await newThread();
  await client.runs.wait(number, "asks", { input: { x: "a" } });
  const leave = new AbortController();
  const options = { lastEventId: "-", streamMode: ["lifecycle"], signal: leave.signal };
  const seen = [];
  for await (const part of client.threads.joinStream(number, options)) {
    seen.push(part.event);
    if (seen.length === 1) client.runs.wait(number, "asks", { command: { resume: 1 } });
    if (seen.length === 2) break;
  }
  leave.abort();
  assert.deepEqual(seen, ["metadata", "metadata"]);
});

test("items are kept, found and forgotten", async () => {
  await client.store.putItem(["js", "home"], "wifi", { text: "on the fridge" });
  assert.deepEqual((await client.store.getItem(["js", "home"], "wifi")).value, { text: "on the fridge" });
  const found = await client.store.searchItems(["js"], { filter: { text: "on the fridge" } });
  assert.deepEqual(found.items.map((item) => item.key), ["wifi"]);
  assert.deepEqual(await client.store.listNamespaces({ prefix: ["js"] }), [["js", "home"]]);
  await client.store.deleteItem(["js", "home"], "wifi");
  await refused(404, client.store.getItem(["js", "home"], "wifi"));
});

test("what a stream told before it was lost is not told twice", async () => {
  const number = await newThread();
  const run = await client.runs.create(number, "asks", {
    input: { x: "a" },
    streamMode: ["values", "updates"],
    streamResumable: true,
  });
  await client.runs.join(number, run.run_id);
  const everything = await all(client.runs.joinStream(number, run.run_id, { lastEventId: "-1" }));
  const rest = await all(client.runs.joinStream(number, run.run_id, { lastEventId: "2" }));
  assert.deepEqual(rest, everything.slice(2));
});
