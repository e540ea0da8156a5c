import { useStream } from "@langchain/react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.jsx";

function Page() {
  const stream = useStream({ apiUrl: API_URL, assistantId: "nexus" });
  return <Chat stream={stream} answer={(response) => stream.respond(response)} />;
}

createRoot(document.body.appendChild(document.createElement("div"))).render(<Page />);
