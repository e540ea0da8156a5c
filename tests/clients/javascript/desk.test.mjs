// The server's model wants to send the same letter again and again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { all, client, newThread, refused } from "./client.mjs";

const input = { messages: [{ role: "user", content: "Email design@example.com that the review moved to Friday 3pm" }] };

test("a letter is approved, once", async () => {
  const thread = await newThread();
  const paused = await client.runs.wait(thread, "nexus", { input });
  const [question] = paused.__interrupt__;
  const [action] = question.value.action_requests;
  assert.deepEqual([action.name, action.args.to], ["desk_send_email", ["design@example.com"]]);
  for (const resume of ["yes", { decisions: [] }, { decisions: [{ type: "perhaps" }] }])
    await refused(422, client.runs.wait(thread, "nexus", { command: { resume } }));
  const command = { resume: { decisions: [{ type: "approve" }] } };
  const parts = await all(client.runs.stream(thread, "nexus", { command, streamMode: "messages" }));
  assert.ok(parts.some((part) => part.event === "messages/complete"));
  await refused(409, client.runs.wait(thread, "nexus", { command }));
  const { values } = await client.threads.getState(thread);
  assert.match(values.messages.at(-1).content, /^Sent\./);
});

test("a letter is answered over protocol v2, with an edit", async () => {
  const thread = client.threads.stream({ assistantId: "nexus" });
  await thread.run.start({ input });
  for await (const _ of await thread.subscribe("input")) break;
  assert.ok(thread.interrupts.length === 1);
  const [{ interruptId, payload }] = thread.interrupts;
  const [action] = payload.action_requests;
  await assert.rejects(
    thread.input.respond({ namespace: [], interrupt_id: interruptId, response: { decisions: [{ type: "perhaps" }] } }),
    /invalid_argument|decision/,
  );
  const edited = { name: action.name, args: { ...action.args, subject: "Moved to Friday" } };
  await thread.input.respond({
    namespace: [],
    interrupt_id: interruptId,
    response: { decisions: [{ type: "edit", edited_action: edited }] },
  });
  const [run] = await client.runs.list(thread.threadId);
  await client.runs.join(thread.threadId, run.run_id);
  await thread.close();
  const { values } = await client.threads.getState(thread.threadId);
  assert.match(values.messages.at(-1).content, /^Sent\./);
});
