// A chat in which a person decides; `stream` is what useStream of either protocol gives.
export function Chat({ stream, answer }) {
  const question = stream.interrupt?.value;
  const action = question?.actionRequests?.[0] ?? question?.action_requests?.[0];
  const decide = (decision) => () => answer({ decisions: [decision] });
  return (
    <main>
      <button onClick={() => stream.submit({ messages: [{ type: "human", content: document.title }] })}>Ask</button>
      <ol>
        {stream.messages.map((message) => (
          <li key={message.id}>{`${message.type}: ${message.text ?? message.content}`}</li>
        ))}
      </ol>
      {action && (
        <section>
          <code>{JSON.stringify({ name: action.name, args: action.args })}</code>
          <button onClick={decide({ type: "approve" })}>Approve</button>
          <button
            onClick={decide({
              type: "edit",
              edited_action: { name: action.name, args: { ...action.args, subject: "Edited in the browser" } },
            })}
          >
            Edit
          </button>
          <button onClick={decide({ type: "reject", message: "Not now." })}>Reject</button>
        </section>
      )}
      <output>{stream.error ? String(stream.error) : stream.isLoading ? "busy" : "idle"}</output>
    </main>
  );
}
