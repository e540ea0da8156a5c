import assert from "node:assert/strict";
import { test } from "node:test";
import { all, client, newThread, refused, until } from "./client.mjs";

test("a run pauses, says so everywhere, and is answered", async () => {
  const thread = await newThread();
  const paused = await client.runs.wait(thread, "asks", { input: { x: "a" } });
  const [question] = paused.__interrupt__;
  assert.equal((await client.threads.get(thread)).status, "interrupted");
  assert.equal((await client.runs.list(thread))[0].status, "interrupted");
  const ended = await client.runs.wait(thread, "asks", { command: { resume: { [question.id]: "yes" } } });
  assert.deepEqual(ended, { x: "a!", answer: "yes" });
});

test("every stream mode tells what it is for", async () => {
  const thread = await newThread();
  let created;
  const parts = await all(
    client.runs.stream(thread, "chat", {
      input: { messages: [{ role: "user", content: "hello" }] },
      streamMode: ["values", "updates", "messages-tuple", "messages", "tasks", "checkpoints", "debug", "events"],
      streamSubgraphs: true,
      onRunCreated: (run) => (created = run),
    }),
  );
  const told = new Set(parts.map((part) => part.event.split("|")[0]));
  for (const name of ["metadata", "values", "updates", "messages", "messages/complete", "tasks", "checkpoints", "debug", "events"])
    assert.ok(told.has(name), name);
  assert.equal(created.thread_id, thread);
  assert.equal(parts.filter((part) => part.event === "values").at(-1).data.messages.at(-1).content, "You said hello.");
});

test("a run in the background is listed, joined and deleted", async () => {
  const thread = await newThread();
  const run = await client.runs.create(thread, "waits", { input: { x: "free" }, metadata: { why: "test" } });
  assert.deepEqual(run.metadata, { why: "test" });
  assert.deepEqual(await client.runs.join(thread, run.run_id), { x: "free", seen: ["free"] });
  assert.equal((await client.runs.list(thread, { status: "success" })).length, 1);
  await client.runs.delete(thread, run.run_id);
  assert.deepEqual(await client.runs.list(thread), []);
});

test("a second run waits its turn, gives way, or takes the first one's place", async () => {
  const thread = await newThread();
  const first = await client.runs.create(thread, "waits", { input: { x: "shut" } });
  const second = await client.runs.create(thread, "waits", { input: { x: "free" }, multitaskStrategy: "enqueue" });
  assert.equal(second.status, "pending");
  await refused(409, client.runs.create(thread, "waits", { input: { x: "free" }, multitaskStrategy: "reject" }));
  await client.runs.cancel(thread, first.run_id, true, "rollback");
  assert.deepEqual(await client.runs.join(thread, second.run_id), { x: "free", seen: ["free"] });
  const third = await client.runs.create(thread, "waits", { input: { x: "shut" } });
  await until(thread, third.run_id, "running");
  await client.runs.wait(thread, "waits", { input: { x: "free" }, multitaskStrategy: "interrupt" });
  assert.equal((await client.runs.get(thread, third.run_id)).status, "interrupted");
});

test("runs are stopped, also many at once", async () => {
  const thread = await newThread();
  const runs = [];
  for (let n = 0; n < 3; n++) runs.push(await client.runs.create(thread, "waits", { input: { x: "shut" } }));
  await client.runs.cancelMany({ threadId: thread, runIds: runs.map((run) => run.run_id) });
  for (const run of runs) await until(thread, run.run_id, "interrupted");
});

test("a client that leaves stops the run if it said so", async () => {
  const thread = await newThread();
  const leave = new AbortController();
  const options = { input: { x: "shut" }, onDisconnect: "cancel", signal: leave.signal };
  for await (const _ of client.runs.stream(thread, "waits", options)) break;
  leave.abort();
  const [run] = await client.runs.list(thread);
  await until(thread, run.run_id, "interrupted");
});

test("runs without threads leave none behind", async () => {
  const started = await client.runs.createBatch([
    { assistantId: "made", input: { name: "Ben" } },
    { assistantId: "made", input: { name: "Cleo" } },
  ]);
  assert.equal(started.length, 2);
  const parts = await all(client.runs.stream(null, "asks", { input: { x: "a" } }));
  assert.ok(parts.at(-1).data.__interrupt__);
  const kept = await client.runs.create(null, "made", { input: { name: "Dan" }, onCompletion: "keep" });
  await client.runs.join(kept.thread_id, kept.run_id);
  assert.deepEqual((await client.threads.getState(kept.thread_id)).values, { name: "Hello Dan" });
});

test("an answer to what is not asked is refused if the client is strict", async () => {
  const thread = await newThread();
  await client.runs.wait(thread, "asks", { input: { x: "a" } });
  const command = { resume: { ["0".repeat(32)]: 1 } };
  await refused(404, client.runs.wait(thread, "asks", { command, strictResume: true }));
});

test("a run begins later, in a thread that is made, from a place in the past, and stops where it is to", async () => {
  const thread = crypto.randomUUID();
  await client.runs.wait(thread, "asks", { input: { x: "a" }, ifNotExists: "create", afterSeconds: 0.1 });
  const [asked] = await client.threads.getHistory(thread);
  await client.runs.wait(thread, "asks", { command: { resume: 1 }, interruptBefore: ["done"] });
  assert.deepEqual((await client.threads.getState(thread)).next, ["done"]);
  const forked = await client.runs.wait(thread, "asks", { checkpointId: asked.checkpoint.checkpoint_id });
  assert.ok(forked.__interrupt__);
});
