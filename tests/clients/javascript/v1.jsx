import { useStream } from "@langchain/langgraph-sdk/react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.jsx";

function Page() {
  const stream = useStream({ apiUrl: API_URL, assistantId: "nexus" });
  const answer = (resume) => stream.submit(undefined, { command: { resume } });
  return <Chat stream={stream} answer={answer} />;
}

createRoot(document.body.appendChild(document.createElement("div"))).render(<Page />);
