// The client of the server under test, and what every file of tests needs.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

export const client = new Client({ apiUrl: process.env.NEXUS_URL, apiKey: null });

/** Waits for a request that is to fail, and checks with which status. */
export async function refused(status, request) {
  await assert.rejects(request, (error) => {
    assert.equal(error.status, status, String(error));
    return true;
  });
}

/** Everything an async iterable yields. */
export async function all(parts) {
  const found = [];
  for await (const part of parts) found.push(part);
  return found;
}

/** Asks until a run has that status. */
export async function until(thread, run, status) {
  while ((await client.runs.get(thread, run)).status !== status);
}

export const newThread = async () => (await client.threads.create()).thread_id;
